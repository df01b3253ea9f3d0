// What a chart draws: one number for each day of the period.
import { daysOf, type Period } from "./period";
import type { UsageItem } from "./use-usage";

export type Measure = "cost" | "frames" | "gpu" | "cpu";

const HOUR_S = 3600;

export function chartRows(items: readonly UsageItem[], period: Period, measure: Measure) {
  const byDay = new Map(items.map((item) => [item.day, item]));
  return daysOf(period).map((day) => {
    const item = byDay.get(day);
    return { day, value: item === undefined ? 0 : measured(item, measure) };
  });
}

function measured(item: UsageItem, measure: Measure): number {
  if (measure === "frames") return item.frames;
  if (measure === "cost") return Number(item.cost);
  return Number(measure === "gpu" ? item.gpu_seconds : item.cpu_seconds) / HOUR_S;
}
