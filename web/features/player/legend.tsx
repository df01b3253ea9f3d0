"use client";
import { Group, Text } from "@mantine/core";
import { useSyncExternalStore } from "react";
import type { FrameStates } from "@/features/job/frame-states";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import classes from "./player.module.css";
import type { Mark } from "./timeline-marks";

/** What the heights and colours of the timeline mean, and how many frames are so. */
export function Legend({ states }: { states: FrameStates }) {
  useSyncExternalStore(states.subscribe, states.current, states.current);
  const committed = states.count("committed") + states.count("reused");
  const counts: [mark: Mark, count: number, colour: string, height: number][] = [
    ["committed", committed, "--farm-committed", 11],
    ["rendering", states.count("rendering"), "--farm-rendering", 8],
    ["failed", states.count("failed"), "--farm-failed", 14],
    ["missing", 0, "--farm-canceled", 3],
  ];
  const known = counts.reduce((sum, [, count]) => sum + count, 0);
  return (
    <Group gap="md">
      {counts.map(([mark, count, colour, height]) => (
        <Group key={mark} gap={6} align="baseline">
          <span aria-hidden className={classes.swatch} style={{ height, background: `var(${colour})` }} />
          <Text size="xs" c="dimmed">
            {strings.player.legend[mark]} {formatNumber(mark === "missing" ? states.size - known : count)}
          </Text>
        </Group>
      ))}
    </Group>
  );
}
