// When a new key ends.
export type ExpiryChoice = "week" | "month" | "quarter" | "year" | "day" | "never";

const DAYS = { week: 7, month: 30, quarter: 90, year: 365 } as const;

export const EXPIRY_CHOICES: readonly ExpiryChoice[] = ["week", "month", "quarter", "year", "day", "never"];

/** The moment as the API takes it; null: never. `day` is the last one that it works on, where the reader is. */
export function expiryOf(choice: ExpiryChoice, day: string, now: Date = new Date()): string | null {
  if (choice === "never") return null;
  if (choice === "day") {
    const end = new Date(`${day}T00:00:00`);
    end.setDate(end.getDate() + 1);
    return end.toISOString();
  }
  const end = new Date(now);
  end.setDate(end.getDate() + DAYS[choice]);
  return end.toISOString();
}

export function hasExpired(at: string | null, now: Date = new Date()): boolean {
  return at !== null && new Date(at).getTime() <= now.getTime();
}
