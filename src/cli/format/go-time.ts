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
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const minutes = -date.getTimezoneOffset();
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
  const name = /\(([^)]+)\)|[A-Z]+$/.exec(date.toLocaleString("en-US", { timeZoneName: "short" }))?.[0] ?? offset;
  return `${day} ${clock} ${offset} ${name}`;
}
