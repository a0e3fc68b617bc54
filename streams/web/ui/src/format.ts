/** Formatting of numbers and times: three significant digits, decimal units. Pure. */

const NONE = "–";
const UNITS = ["", "k", "M", "G", "T", "P", "E"];

/** 12,400 as "12.4 k"; whole numbers below a thousand stay whole. */
export function count(value: number | null): string {
  return value === null ? NONE : scaled(value).join(" ").trimEnd();
}

/** 388,000,000 as "388 MB". */
export function bytes(value: number | null): string {
  if (value === null) return NONE;
  const [digits, unit] = scaled(value);
  return `${digits} ${unit}B`;
}

/** A number on an axis, without idle zeros: "5 MB" for "5.00 MB". */
export function brief(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

export function percent(value: number | null): string {
  if (value === null) return NONE;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

/** A span of time: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function span(seconds: number | null): string {
  if (seconds === null) return NONE;
  if (seconds < 10) return `${(Math.round(seconds * 10) / 10).toString()} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", 1, "s");
  if (whole < 86_400) return pair(whole, 3600, "h", 60, "min");
  return pair(whole, 86_400, "d", 3600, "h");
}

/** A moment in local time: "14:05", or "14:05:20" when seconds matter. */
export function clock(epoch: number, withSeconds = false): string {
  const moment = new Date(epoch * 1000);
  const parts = [moment.getHours(), moment.getMinutes()];
  if (withSeconds) parts.push(moment.getSeconds());
  return parts.map((part) => part.toString().padStart(2, "0")).join(":");
}

/** The day of a moment in local time: "2026-11-28"; empty if it is the day of `now`. */
export function day(epoch: number, now: number): string {
  const [shown, today] = [new Date(epoch * 1000), new Date(now * 1000)];
  if (shown.toDateString() === today.toDateString()) return "";
  const parts = [shown.getFullYear(), shown.getMonth() + 1, shown.getDate()];
  return parts.map((part) => part.toString().padStart(2, "0")).join("-");
}

const ZONE = new Intl.DateTimeFormat("en", { timeZoneName: "short" });

/** The zone of local time at a moment: "UTC", "GMT+2". */
export function zone(epoch: number): string {
  return ZONE.formatToParts(new Date(epoch * 1000)).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** A moment in full: "14:05 UTC", or "2026-11-28 14:05 UTC" when it is not today. */
export function moment(epoch: number, now: number, withSeconds = false): string {
  return [day(epoch, now), clock(epoch, withSeconds), zone(epoch)].filter(Boolean).join(" ");
}

/** A window in full: "14:05–14:06 UTC". */
export function period(start: number, end: number): string {
  const withSeconds = start % 60 !== 0 || end % 60 !== 0;
  return `${clock(start, withSeconds)}–${clock(end, withSeconds)} ${zone(start)}`;
}

function scaled(value: number): [string, string] {
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 && Number.isInteger(size) ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return [`${value < 0 ? "−" : ""}${size.toFixed(digits)}`, UNITS[unit] ?? ""];
}

function pair(whole: number, large: number, name: string, small: number, rest: string): string {
  const left = Math.floor((whole % large) / small);
  return left ? `${Math.floor(whole / large)} ${name} ${left} ${rest}` : `${Math.floor(whole / large)} ${name}`;
}
