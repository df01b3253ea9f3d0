// The state of a frame as its colour and its word.
import { Group, Text } from "@mantine/core";
import { strings } from "@/strings/en";
import classes from "./frame-grid.module.css";
import type { FrameState } from "./frame-states";

export function FrameStateWord({ state, isSuspect = false }: { state: FrameState; isSuspect?: boolean }) {
  return (
    <Group gap={6} wrap="nowrap" component="span">
      <StateSwatch state={state} isSuspect={isSuspect} />
      <Text size="sm" component="span">
        {isSuspect ? strings.job.suspectState(strings.job.frameStates[state]) : strings.job.frameStates[state]}
      </Text>
    </Group>
  );
}

export function StateSwatch({ state, isSuspect = false }: { state: FrameState; isSuspect?: boolean }) {
  return (
    <span
      aria-hidden
      className={`${classes.swatch} ${isSuspect ? classes.suspect : ""}`}
      style={{ background: `var(--farm-${state})` }}
    />
  );
}
