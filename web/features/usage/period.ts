// Days that usage is shown of, as they stand in the address; UTC, as the farm keeps its books.
export type PeriodChoice = "month" | "lastMonth" | "quarter" | "own";

export interface Period {
  since: string;
  until: string;
}

const DAY_MS = 86_400_000;

export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

export function periodOf(choice: Exclude<PeriodChoice, "own">, now: Date): Period {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  if (choice === "quarter") return { since: dayOf(new Date(now.getTime() - 89 * DAY_MS)), until: dayOf(now) };
  if (choice === "month") return { since: dayOf(new Date(Date.UTC(year, month, 1))), until: dayOf(now) };
  return { since: dayOf(new Date(Date.UTC(year, month - 1, 1))), until: dayOf(new Date(Date.UTC(year, month, 0))) };
}

/** What the address says; this month where it says nothing, or no days. */
export function periodIn(read: (name: string) => string | null, now: Date): Period {
  const [since, until] = [read("since"), read("until")];
  return isDay(since) && isDay(until) && since <= until ? { since, until } : periodOf("month", now);
}

export function choiceOf(period: Period, now: Date): PeriodChoice {
  const named = (["month", "lastMonth", "quarter"] as const).find((choice) => {
    const { since, until } = periodOf(choice, now);
    return since === period.since && until === period.until;
  });
  return named ?? "own";
}

/** Each day of the period, so that a day without work is a gap in the chart and no lie. */
export function daysOf({ since, until }: Period): string[] {
  const days: string[] = [];
  for (let time = Date.parse(since); time <= Date.parse(until); time += DAY_MS) days.push(dayOf(new Date(time)));
  return days;
}

/** The part of the period that is read; `last`: where more days follow, the last one that was. */
export function readPart(period: Period, last: string | null): Period {
  return last === null ? period : { ...period, until: last };
}

/** The day after, where the export ends. */
export function dayAfter(day: string): string {
  return dayOf(new Date(Date.parse(day) + DAY_MS));
}

function isDay(text: string | null): text is string {
  return text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
