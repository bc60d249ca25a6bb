/** Durations, sizes and ids as docker prints them for people (docker/go-units). */

/** "About a minute", "3 hours", "2 weeks". */
export function humanDuration(seconds: number): string {
  if (seconds < 1) return "Less than a second";
  if (seconds < 2) return "1 second";
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

/** "1.23MB": thousands, three digits unless told otherwise. */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"], digits);
}

/** "1.234GiB": 1024s, four digits. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"], 4);
}

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let value = size;
  let index = 0;
  while (value >= base && index < units.length - 1) {
    value /= base;
    index++;
  }
  return `${shortest(value, digits)}${units[index]}`;
}

/** Go's `%.3g`: significant digits without trailing zeros. */
function shortest(value: number, digits: number): string {
  // the exponent is that of the rounded value: 999.9999 becomes 1e+03
  if (Math.abs(Number(value.toPrecision(digits))) >= 10 ** digits) {
    const [mantissa = "", exponent = ""] = value.toExponential(digits - 1).split("e+");
    return `${Number(mantissa)}e+${exponent.padStart(2, "0")}`;
  }
  return String(Number(value.toPrecision(digits)));
}

/** Without the digest's algorithm, twelve digits. */
export function truncateId(id: string): string {
  const digits = id.slice(id.indexOf(":") + 1);
  return digits.length > 12 ? digits.slice(0, 12) : digits;
}

/** The first characters with `…` in place of the rest; never longer than `width`. */
export function ellipsis(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}
