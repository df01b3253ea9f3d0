"use client";
// One measure by day. The same numbers stand in the table below it.
import { BarChart } from "@mantine/charts";
import { SegmentedControl, Stack } from "@mantine/core";
import "@mantine/charts/styles.css";
import { useState } from "react";
import { formatMoney, formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { chartRows, type Measure } from "./chart-rows";
import type { Period } from "./period";
import type { UsageItem } from "./use-usage";

interface UsageChartProps {
  items: readonly UsageItem[];
  period: Period;
  currency: string | null;
}

export function UsageChart({ items, period, currency }: UsageChartProps) {
  const measures: readonly Measure[] = currency === null ? ["frames", "gpu", "cpu"] : ["cost", "frames", "gpu", "cpu"];
  const [chosen, setChosen] = useState<Measure | null>(null);
  const rowsOf = (each: Measure) => chartRows(items, period, each);
  // Before somebody chooses: the first that there is something of.
  const telling = measures.find((each) => rowsOf(each).some(({ value }) => value > 0));
  const measure = chosen ?? telling ?? "frames";
  const asText = (value: number) =>
    measure === "cost" && currency !== null ? formatMoney(String(value), currency) : formatNumber(value, 2);
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label={strings.usage.measure}
        size="xs"
        data={measures.map((each) => ({ value: each, label: strings.usage.measures[each] }))}
        value={measure}
        onChange={(next) => setChosen(next as Measure)}
        style={{ alignSelf: "flex-start" }}
      />
      <figure aria-label={strings.usage.chart(strings.usage.measures[measure])} style={{ margin: 0 }}>
        <BarChart
          h={220}
          data={rowsOf(measure)}
          dataKey="day"
          series={[{ name: "value", label: strings.usage.measures[measure], color: "iris.6" }]}
          valueFormatter={asText}
          yAxisProps={{ width: 80 }}
        />
      </figure>
    </Stack>
  );
}
