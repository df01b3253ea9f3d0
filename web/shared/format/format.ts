// Numbers, times and sizes as people read them, in the language of their browser.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `3 h 20 min`, `4 min 5 s`, `820 ms`: the two largest units. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return join(days, "d", hours, "h");
  if (hours > 0) return join(hours, "h", minutes, "min");
  if (minutes > 0) return join(minutes, "min", whole % 60, "s");
  return `${whole} s`;
}

function join(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`;
}

export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

export function formatPercent(fraction: number): string {
  // Never 100 % before all is done.
  const percent = fraction >= 1 ? 100 : Math.min(99.9, fraction * 100);
  return `${percent.toFixed(percent === 100 || percent === 0 ? 0 : 1)} %`;
}

/** `amount` is an exact decimal, as the API gives it; it is never calculated with here. */
export function formatMoney(amount: string, currency: string): string {
  return new Intl.NumberFormat(undefined, { style: "currency", currency, maximumFractionDigits: 4 }).format(
    Number(amount),
  );
}

export function formatTime(at: string | Date): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

const STEPS: readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [3600, "minute"],
  [86_400, "hour"],
  [7 * 86_400, "day"],
  [Infinity, "week"],
];
const LENGTH: Partial<Record<Intl.RelativeTimeFormatUnit, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 7 * 86_400,
};

/** `5 minutes ago`, `in 2 hours`. */
export function formatAgo(at: string | Date, now: Date = new Date()): string {
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000;
  const unit = STEPS.find(([upTo]) => Math.abs(seconds) < upTo)?.[1] ?? "week";
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  return format.format(Math.round(seconds / (LENGTH[unit] ?? 1)), unit);
}
