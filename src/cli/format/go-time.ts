/** Times as Go's `time.Time.String` prints them: `2026-11-27 11:00:00.123456789 +0000 UTC`. */

/** From RFC 3339 text in UTC, with all its digits. The text itself when it is no time. */
export function formatInstant(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return text;
  const [, date = "", time = "", fraction = "", zone = ""] = match;
  const offset = zone === "Z" ? "+0000 UTC" : `${zone.replace(":", "")} ${zone.replace(":", "")}`;
  return `${date} ${time}${fraction.replace(/\.?0+$/, "")} ${offset}`;
}

/** From seconds since the epoch, in the time zone of this process. */
export function formatLocalSeconds(seconds: number): string {
  const date = new Date(seconds * 1000);
  const { text, hours, minutes } = localTime(date);
  const offset = `${hours}${minutes}`;
  const name = /\(([^)]+)\)|[A-Z]+$/.exec(date.toLocaleString("en-US", { timeZoneName: "short" }))?.[0] ?? offset;
  return `${text.replace("T", " ")} ${offset} ${name}`;
}

/** From nanoseconds since the epoch: RFC 3339 with nine digits, in the time zone of this process. */
export function formatFixedNanoseconds(ns: bigint): string {
  const { text, hours, minutes } = localTime(new Date(Number(ns / 1_000_000n)));
  const zone = `${hours}:${minutes}`;
  return `${text}.${String(ns % 1_000_000_000n).padStart(9, "0")}${zone === "+00:00" ? "Z" : zone}`;
}

/** Go's `time.ANSIC`, of RFC 3339 text; the text itself when it is no time: `Fri May 30 12:07:14 2025`. */
export function formatAnsi(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return text;
  const [, year = "", month = "", day = "", clock = ""] = match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const name = (part: "weekday" | "month"): string =>
    date.toLocaleDateString("en-US", { timeZone: "UTC", [part]: "short" });
  return `${name("weekday")} ${name("month")} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}

function localTime(date: Date): { readonly text: string; readonly hours: string; readonly minutes: string } {
  const ahead = -date.getTimezoneOffset();
  const two = (value: number): string => String(value).padStart(2, "0");
  const size = Math.abs(ahead);
  return {
    text: new Date(date.getTime() + ahead * 60_000).toISOString().slice(0, 19),
    hours: `${ahead < 0 ? "-" : "+"}${two(Math.floor(size / 60))}`,
    minutes: two(size % 60),
  };
}
