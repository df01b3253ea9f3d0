import { Group, Paper, Text } from "@mantine/core";
import { formatNumber, formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { Difference } from "./difference";

const words = strings.player.compare;

/** How far apart the pictures are, as numbers. */
export function Figures({ difference }: { difference: Difference }) {
  const { max, mean, psnr, differing } = difference;
  const figures: [label: string, value: string][] = [
    [words.max, words.ofLevels(formatNumber(max))],
    [words.mean, words.ofLevels(formatNumber(mean, 3))],
    [words.psnr, psnr === Infinity ? words.identical : words.decibels(formatNumber(psnr, 2))],
    [words.differing, formatPercent(differing)],
  ];
  return (
    <Group gap="sm" component="dl" m={0}>
      {figures.map(([label, value]) => (
        <Paper key={label} withBorder px="sm" py={6}>
          <Text component="dt" size="xs" c="dimmed">
            {label}
          </Text>
          <Text component="dd" m={0} fw={600} style={{ fontVariantNumeric: "tabular-nums" }}>
            {value}
          </Text>
        </Paper>
      ))}
    </Group>
  );
}
