"use client";
// What the colours mean, how many frames there are of each, and the filter by them.
import { Group, UnstyledButton } from "@mantine/core";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import classes from "./frame-grid.module.css";
import { StateSwatch } from "./frame-state-word";
import { FRAME_STATES, type FrameFilter } from "./frame-states";
import { useFrames } from "./job-context";
import { useVersion } from "./store-version";

interface LegendProps {
  filter: FrameFilter | null;
  onFilter: (filter: FrameFilter | null) => void;
}

const words = strings.job.grid;

export function Legend({ filter, onFilter }: LegendProps) {
  const { states } = useFrames();
  useVersion(states);
  const entries = FRAME_STATES.map((state) => ({ state, count: states.count(state) })).filter(
    ({ state, count }) => count > 0 || filter === state,
  );
  return (
    <Group gap={6} role="group" aria-label={words.legend}>
      <Entry label={words.all} count={states.size} isOn={filter === null} onClick={() => onFilter(null)} />
      {entries.map(({ state, count }) => (
        <Entry
          key={state}
          label={strings.job.frameStates[state]}
          count={count}
          swatch={<StateSwatch state={state} />}
          isOn={filter === state}
          onClick={() => onFilter(filter === state ? null : state)}
        />
      ))}
      {(states.suspects > 0 || filter === "suspect") && (
        <Entry
          label={strings.job.suspect}
          count={states.suspects}
          swatch={<StateSwatch state="committed" isSuspect />}
          isOn={filter === "suspect"}
          onClick={() => onFilter(filter === "suspect" ? null : "suspect")}
        />
      )}
    </Group>
  );
}

interface EntryProps {
  label: string;
  count: number;
  swatch?: React.ReactNode;
  isOn: boolean;
  onClick: () => void;
}

function Entry({ label, count, swatch, isOn, onClick }: EntryProps) {
  return (
    <UnstyledButton className={classes.legend} aria-pressed={isOn} onClick={onClick}>
      {swatch}
      {label}
      <strong>{formatNumber(count)}</strong>
    </UnstyledButton>
  );
}
