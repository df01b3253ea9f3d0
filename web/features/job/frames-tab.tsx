"use client";
// All frames of the job: filter, grid, what is selected, and the frame that is open.
import { ActionIcon, Button, Group, NumberInput, Stack, Text, Tooltip } from "@mantine/core";
import { IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { useState } from "react";
import { Empty, Loading } from "@/shared/ui/query-states";
import { ProblemBox } from "@/shared/ui/problem-box";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { FrameDrawer } from "./frame-drawer";
import { FrameGrid } from "./frame-grid";
import { isFrameFilter, type FrameFilter } from "./frame-states";
import { CELL_SIZES, firstZoom } from "./grid/geometry";
import { hasEnded, useFrames, type JobPanelProps } from "./job-context";
import { Legend } from "./legend";
import { SelectionBar } from "./selection-bar";
import { useVersion } from "./store-version";
import { useActOnFrames } from "./use-act-on-frames";
import { useJobStream } from "./use-job-stream";

const words = strings.job.grid;

export function FramesTab({ job, read }: JobPanelProps) {
  const { range, states, selection, progress } = useFrames();
  useVersion(states);
  const act = useActOnFrames(job.id, read.again);
  const address = useAddress();
  const [zoom, setZoom] = useState(() => firstZoom(states.size));
  const [active, setActive] = useState(0);

  useJobStream(job.id, hasEnded(job) ? null : job.last_event, (event) => {
    if (event.kind === "frame.progress") progress.take(event);
  });

  const asked = address.get("state");
  const filter = isFrameFilter(asked) ? asked : null;
  const shown = filter === null ? null : states.matching(filter);
  const count = shown === null ? states.size : shown.length;

  function choose(next: FrameFilter | null) {
    selection.clear();
    setActive(0);
    address.set({ state: next });
  }

  function jump(frame: number) {
    const ordinal = range.ordinalOf(frame);
    if (ordinal === null) return false;
    const index = shown === null ? ordinal : shown.indexOf(ordinal);
    if (index >= 0) setActive(index);
    else {
      choose(null);
      setActive(ordinal);
    }
    return true;
  }

  if (read.isPending) return <Loading />;
  if (read.error !== null && !states.isRead)
    return <ProblemBox error={read.error} onRetry={() => void read.refetch()} />;
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="sm">
        <Legend filter={filter} onFilter={choose} />
        <Group gap="xs">
          <JumpField onJump={jump} />
          <ZoomButtons zoom={zoom} onZoom={setZoom} />
        </Group>
      </Group>
      <SelectionBar onAct={act} />
      {count === 0 ? (
        <Empty
          title={words.nothing}
          action={
            <Button variant="default" onClick={() => choose(null)}>
              {words.showAll}
            </Button>
          }
        />
      ) : (
        <FrameGrid
          job={job}
          zoom={zoom}
          shown={shown}
          active={Math.min(active, count - 1)}
          onActive={setActive}
          onOpen={(frame) => address.set({ frame: String(frame) })}
        />
      )}
      <Text size="xs" c="dimmed" visibleFrom="sm">
        {words.hint}
      </Text>
      <FrameDrawer job={job} onAct={act} />
    </Stack>
  );
}

function JumpField({ onJump }: { onJump: (frame: number) => boolean }) {
  const [value, setValue] = useState<number | string>("");
  const [missing, setMissing] = useState<string | null>(null);
  return (
    <form
      onSubmit={(submit) => {
        submit.preventDefault();
        if (value !== "") setMissing(onJump(Number(value)) ? null : String(value));
      }}
    >
      <NumberInput
        size="xs"
        w={130}
        hideControls
        allowDecimal={false}
        placeholder={words.jump}
        aria-label={words.jump}
        value={value}
        onChange={setValue}
        error={missing === null ? null : words.noSuchFrame(missing)}
      />
    </form>
  );
}

function ZoomButtons({ zoom, onZoom }: { zoom: number; onZoom: (zoom: number) => void }) {
  return (
    <ActionIcon.Group>
      <Tooltip label={words.smaller}>
        <ActionIcon variant="default" aria-label={words.smaller} disabled={zoom === 0} onClick={() => onZoom(zoom - 1)}>
          <IconZoomOut size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={words.larger}>
        <ActionIcon
          variant="default"
          aria-label={words.larger}
          disabled={zoom === CELL_SIZES.length - 1}
          onClick={() => onZoom(zoom + 1)}
        >
          <IconZoomIn size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </ActionIcon.Group>
  );
}
