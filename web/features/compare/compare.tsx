"use client";
// Two jobs, frame by frame. What is compared stands in the address: `?with=`, `?at=` and `?view=`.
import { Alert, Group, NumberInput, SegmentedControl, Select, Slider, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowsLeftRight, IconInfoCircle } from "@tabler/icons-react";
import { Suspense, useMemo, useState } from "react";
import { FrameRange } from "@/features/job/frame-range";
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { formatTime } from "@/shared/format/format";
import { useView } from "@/shared/pictures/use-view";
import { ZoomButtons } from "@/shared/pictures/zoom-buttons";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Empty, Loading } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { differenceOf } from "./difference";
import { Figures } from "./figures";
import { Blink, DifferenceView, SideBySide, Wipe, type Side } from "./panes";
import classes from "./compare.module.css";
import { useFramePixels, useWholePair, type FramePair } from "./use-frame-pixels";
import { useOtherJobs } from "./use-other-jobs";

type Job = Schemas["JobDetail"];
type Mode = keyof typeof words.modes;

const words = strings.player.compare;
const MODES = Object.keys(words.modes) as Mode[];

export function Compare({ job }: { job: Job }) {
  return (
    <Suspense fallback={<Loading />}>
      <Comparison job={job} />
    </Suspense>
  );
}

function Comparison({ job }: { job: Job }) {
  const address = useAddress();
  const other = address.get("with");
  return (
    <Stack gap="sm" role="region" aria-label={words.region}>
      <OtherJob job={job} chosen={other} onChoose={(id) => address.set({ with: id })} />
      {other === null ? (
        <Empty icon={<IconArrowsLeftRight aria-hidden />} title={words.choose} words={words.chooseWords} />
      ) : (
        <Pair job={job} other={other} />
      )}
    </Stack>
  );
}

interface OtherJobProps {
  job: Job;
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

function OtherJob({ job, chosen, onChoose }: OtherJobProps) {
  const header = useProjectHeader();
  const [search, setSearch] = useState("");
  const [asked] = useDebouncedValue(search, 250);
  const { jobs, isPending, error } = useOtherJobs(job, asked);
  const { data: one } = $api.useQuery(
    "get",
    "/v1/jobs/{job_id}",
    { params: { header, path: { job_id: chosen ?? "" } } },
    { enabled: chosen !== null },
  );
  if (error !== null) return <ProblemBox error={error} />;
  const listed = one === undefined || jobs.some(({ id }) => id === one.id) ? jobs : [one, ...jobs];
  return (
    <Select
      label={words.with}
      description={words.withHint}
      placeholder={words.withPlaceholder}
      maw={520}
      searchable
      clearable
      filter={({ options }) => options /* the farm has searched */}
      nothingFoundMessage={isPending ? strings.shell.loading : words.nobody}
      data={listed.map(({ id, name, created_at, state }) => ({
        value: id,
        label: `${name} · ${words.when(strings.jobStates[state], formatTime(created_at))}`,
      }))}
      value={chosen}
      onChange={onChoose}
      onSearchChange={(text) => setSearch(listed.some(({ name }) => text.startsWith(`${name} · `)) ? "" : text)}
    />
  );
}

function Pair({ job, other }: { job: Job; other: string }) {
  const header = useProjectHeader();
  const address = useAddress();
  const query = $api.useQuery("get", "/v1/jobs/{job_id}", { params: { header, path: { job_id: other } } });
  const range = useMemo(() => FrameRange.parse(job.frames), [job.frames]);
  const asked = Number(address.get("at") ?? NaN);
  const frame = Number.isInteger(asked) ? asked : (range?.frameAt(0) ?? 0);
  const viewName = address.get("view") as Mode | null;
  const mode = viewName !== null && MODES.includes(viewName) ? viewName : "wipe";
  const a = useFramePixels(job, frame);
  const b = useFramePixels(query.data ?? null, frame);
  const { pair, isWaiting } = useWholePair(a.data, b.data);
  const hasFailed = a.error !== null || b.error !== null;

  if (query.error !== null) return <ProblemBox error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Stack gap="sm">
      <Group gap="md" align="flex-end">
        <SegmentedControl
          aria-label={words.mode}
          size="xs"
          data={MODES.map((each) => ({ value: each, label: words.modes[each] }))}
          value={mode}
          onChange={(view) => address.set({ view })}
        />
        {range !== null && (
          <FramePicker range={range} frame={frame} onFrame={(next) => address.set({ at: String(next) })} />
        )}
      </Group>
      {[a, b].map(({ error, refetch }, side) =>
        error === null ? null : <ProblemBox key={side} error={error} onRetry={() => void refetch()} />,
      )}
      {isWaiting && hasFailed ? null : pair === null ? (
        <Loading />
      ) : (
        <Views mode={mode} frame={frame} {...pair} names={[job.name, query.data?.name ?? ""]} isWaiting={isWaiting} />
      )}
    </Stack>
  );
}

interface FramePickerProps {
  range: FrameRange;
  frame: number;
  onFrame: (frame: number) => void;
}

function FramePicker({ range, frame, onFrame }: FramePickerProps) {
  const [dragged, setDragged] = useState<number | null>(null);
  const place = dragged ?? range.ordinalOf(frame) ?? 0;
  return (
    <Group gap="xs" wrap="nowrap" align="center" style={{ flex: 1, minWidth: 240 }}>
      <NumberInput
        aria-label={words.frame}
        size="xs"
        w={90}
        allowDecimal={false}
        value={dragged === null ? frame : range.frameAt(dragged)}
        onChange={(value) => typeof value === "number" && onFrame(value)}
      />
      <Slider
        style={{ flex: 1 }}
        min={0}
        max={Math.max(1, range.size - 1)}
        value={place}
        label={(at) => range.frameAt(Math.min(at, range.size - 1))}
        thumbLabel={words.frame}
        thumbValueText={(at) => strings.player.frame(range.frameAt(Math.min(at, range.size - 1)))}
        onChange={setDragged}
        onChangeEnd={(at) => {
          setDragged(null);
          onFrame(range.frameAt(Math.min(at, range.size - 1)));
        }}
      />
    </Group>
  );
}

interface ViewsProps extends FramePair {
  mode: Mode;
  frame: number;
  names: readonly [string, string];
  /** The pictures are those before what was chosen: shown faint, and told nothing of. */
  isWaiting?: boolean;
}

export function Views({ mode, frame, a, b, names, isWaiting = false }: ViewsProps) {
  const control = useView(a.state === "there" ? a.pixels : null);
  const difference = useMemo(
    () => (a.state === "there" && b.state === "there" ? differenceOf(a.pixels, b.pixels) : null),
    [a, b],
  );
  if (a.state !== "there" || b.state !== "there") {
    if (isWaiting) return <Loading />;
    return (
      <Stack gap="xs">
        {(
          [
            ["A", a],
            ["B", b],
          ] as const
        ).map(([side, { state }]) =>
          state === "there" ? null : (
            <Alert key={side} color="orange" icon={<IconInfoCircle aria-hidden />}>
              {state === "missing" ? words.missing(side, frame) : words.notInRange(side, frame)}
            </Alert>
          ),
        )}
      </Stack>
    );
  }
  const sides: { a: Side; b: Side } = {
    a: { pixels: a.pixels, label: isWaiting ? null : words.a(names[0]) },
    b: { pixels: b.pixels, label: isWaiting ? null : words.b(names[1]) },
  };
  const size = ({ pixels }: Side) => `${pixels.width} × ${pixels.height}`;
  return (
    <Stack gap="sm">
      {difference === null && !isWaiting && (
        <Alert color="orange" icon={<IconInfoCircle aria-hidden />}>
          {words.sizes(size(sides.a), size(sides.b))}
        </Alert>
      )}
      <div className={classes.view} data-waiting={isWaiting || undefined} aria-busy={isWaiting}>
        {mode === "wipe" && <Wipe {...sides} control={control} />}
        {mode === "side" && <SideBySide {...sides} control={control} />}
        {mode === "blink" && <Blink {...sides} control={control} />}
        {mode === "difference" && difference !== null && <DifferenceView {...sides} control={control} />}
        {isWaiting && <Loading />}
      </div>
      <Group justify="space-between" gap="sm" align="flex-start">
        {difference === null || isWaiting ? <span /> : <Figures difference={difference} />}
        <ZoomButtons control={control} />
      </Group>
      {(a.isPreview || b.isPreview) && !isWaiting && (
        <Text size="xs" c="dimmed">
          {words.preview}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        {words.panHint}
      </Text>
    </Stack>
  );
}
