// Hours of machines as people read and type them.
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

type Schedule = Schemas["Schedule"];
type Window = Required<Schemas["Window"]>;

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const WHOLE_DAY: Window = { days: [...DAYS], begin: "00:00", end: "24:00" };

/** `Mon, Tue 18:00–08:00`. */
export function windowWords({ days, begin, end }: Schemas["Window"]): string {
  const named =
    days === undefined || days.length === DAYS.length ? "" : days.map((day) => strings.farm.days[day]).join(", ");
  const hours = `${begin ?? WHOLE_DAY.begin}–${end ?? WHOLE_DAY.end}`;
  return named === "" ? hours : `${named} ${hours}`;
}

export function hoursWords(schedule: Pick<Schedule, "windows" | "time_zone">): string[] {
  const windows = schedule.windows ?? [];
  return windows.length === 0 ? [strings.farm.always] : windows.map(windowWords);
}

/** `kind=workstation` and so on as the API takes them; what is no such pair comes back as `bad`. */
export function labelsOf(pairs: readonly string[]): { labels: Record<string, string>; bad: string | null } {
  const labels: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at <= 0) return { labels: {}, bad: pair };
    labels[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return { labels, bad: null };
}

export function pairsOf(labels: Record<string, string> | undefined): string[] {
  return Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
}
