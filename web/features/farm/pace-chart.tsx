"use client";
// Frames by minute as bars. Loaded on demand: charts are heavy.
import { BarChart } from "@mantine/charts";
import "@mantine/charts/styles.css";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export default function PaceChart({ pace }: { pace: Schemas["PaceView"] }) {
  const data = pace.minutes.map((minute) => ({ at: MINUTE.format(new Date(minute.at)), frames: minute.frames }));
  return (
    <BarChart
      h={180}
      data={data}
      dataKey="at"
      series={[{ name: "frames", label: strings.farm.frames, color: "iris.6" }]}
      tickLine="none"
      gridAxis="x"
      barProps={{ isAnimationActive: false, radius: [3, 3, 0, 0] }}
      yAxisProps={{ allowDecimals: false, width: 40 }}
      xAxisProps={{ interval: "preserveStartEnd", minTickGap: 40 }}
    />
  );
}
