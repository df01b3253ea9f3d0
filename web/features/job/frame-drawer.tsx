"use client";
// One frame, opened: its picture, what is odd about it, its files, and each try with its log. `?frame=` in the address.
import { ActionIcon, Alert, Button, Drawer, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { formatDuration, formatPercent } from "@/shared/format/format";
import { useFarmEvents } from "@/shared/live/feed-provider";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { FRAME_ACTIONS, framesFor, type FrameAction } from "./frame-actions";
import { FrameAttempts } from "./frame-attempts";
import { FrameFiles } from "./frame-files";
import { FrameStateWord } from "./frame-state-word";
import { useFrames, useJobParams, type JobDetail } from "./job-context";
import { useVersion } from "./store-version";

type FrameView = Schemas["FrameView"];

const words = strings.job.frame;

interface FrameDrawerProps {
  job: JobDetail;
  onAct: (action: FrameAction, ordinals: readonly number[]) => Promise<void>;
}

export function FrameDrawer({ job, onAct }: FrameDrawerProps) {
  const { range } = useFrames();
  const address = useAddress();
  const asked = address.get("frame");
  const frame = asked !== null && /^-?\d+$/.test(asked) ? Number(asked) : null;
  const ordinal = frame === null ? null : range.ordinalOf(frame);
  const go = (to: number) => address.set({ frame: String(range.frameAt(to)) });
  return (
    <Drawer
      opened={frame !== null}
      onClose={() => address.set({ frame: null })}
      position="right"
      size="lg"
      title={frame === null ? "" : words.title(frame)}
      closeButtonProps={{ "aria-label": strings.shell.close }}
    >
      {frame !== null && ordinal === null && <Text>{strings.job.grid.noSuchFrame(String(frame))}</Text>}
      {frame !== null && ordinal !== null && (
        <Stack>
          <Group justify="space-between">
            <StepButtons ordinal={ordinal} last={range.size - 1} onGo={go} />
            <FrameActions ordinal={ordinal} onAct={onAct} />
          </Group>
          <FrameParts key={frame} job={job} frame={frame} ordinal={ordinal} />
        </Stack>
      )}
    </Drawer>
  );
}

function StepButtons({ ordinal, last, onGo }: { ordinal: number; last: number; onGo: (ordinal: number) => void }) {
  return (
    <ActionIcon.Group>
      <Tooltip label={words.previous}>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={words.previous}
          disabled={ordinal === 0}
          onClick={() => onGo(ordinal - 1)}
        >
          <IconChevronLeft size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={words.next}>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={words.next}
          disabled={ordinal === last}
          onClick={() => onGo(ordinal + 1)}
        >
          <IconChevronRight size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </ActionIcon.Group>
  );
}

function FrameActions({ ordinal, onAct }: { ordinal: number; onAct: FrameDrawerProps["onAct"] }) {
  const { states } = useFrames();
  useVersion(states);
  const may = useMay();
  if (!may("project:render")) return null;
  return (
    <Group gap="xs">
      {FRAME_ACTIONS.filter((action) => framesFor(action, [ordinal], states).length > 0).map((action) => (
        <Button key={action} size="compact-sm" variant="light" onClick={() => void onAct(action, [ordinal])}>
          {strings.job.selection.verbs[action]}
        </Button>
      ))}
    </Group>
  );
}

function FrameParts({ job, frame, ordinal }: { job: JobDetail; frame: number; ordinal: number }) {
  const params = useJobParams(job.id);
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/frames/{frame}", {
    params: { header: params.header, path: { ...params.path, frame } },
  });
  useFrameEvents(job.id, frame, ordinal);
  return (
    <QueryStates query={query}>
      {(view) => (
        <Stack>
          <FrameFacts view={view} ordinal={ordinal} />
          <FrameFiles job={job} view={view} />
          <FrameAttempts job={job} view={view} />
        </Stack>
      )}
    </QueryStates>
  );
}

/** Reads the frame, its tries and its files again when an event names it, or may have left it out. */
function useFrameEvents(jobId: string, frame: number, ordinal: number): void {
  const queries = useQueryClient();
  const names = useCallback(
    (data: Record<string, unknown>) => {
      const { frames, ordinals } = data as { frames?: { ordinal: number }[]; ordinals?: number[] };
      if (data.ordinal === ordinal || ordinals?.includes(ordinal)) return true;
      return frames !== undefined && (frames.length >= 1000 || frames.some((frame) => frame.ordinal === ordinal));
    },
    [ordinal],
  );
  useFarmEvents((event) => {
    if (event.job === jobId && (event.kind === "job.state" || names(event.data)))
      void queries.invalidateQueries({ predicate: ({ queryKey }) => isOfFrame(queryKey, jobId, frame) });
  });
}

const ROOT = "/v1/jobs/{job_id}";

function isOfFrame(key: readonly unknown[], jobId: string, frame: number): boolean {
  const asked = key[2] as { params?: { path?: Named; query?: Named } } | undefined;
  const { path, query } = asked?.params ?? {};
  if (path?.job_id !== jobId) return false;
  if (key[1] === `${ROOT}/frames/{frame}` || key[1] === `${ROOT}/frames/{frame}/attempts`) return path.frame === frame;
  return key[1] === `${ROOT}/artifacts` && query?.frame === frame;
}

interface Named {
  job_id?: string;
  frame?: number;
}

function FrameFacts({ view, ordinal }: { view: FrameView; ordinal: number }) {
  const { progress } = useFrames();
  useVersion(progress);
  const told = view.state === "rendering" ? progress.of(ordinal) : null;
  const fraction = told?.fraction ?? view.progress?.fraction ?? null;
  const eta = told?.etaSeconds ?? view.progress?.eta_seconds ?? null;
  const detail = told?.detail ?? view.progress?.detail ?? null;
  return (
    <Stack gap="xs">
      <Group gap="md">
        <FrameStateWord state={view.state} isSuspect={view.flags.length > 0} />
        {view.render_ms != null && (
          <Text size="sm" c="dimmed">
            {words.tookShort(formatDuration(view.render_ms / 1000))}
            {view.warm === null || view.warm === undefined ? "" : `, ${view.warm ? words.warm : words.cold}`}
          </Text>
        )}
        {view.at != null && <TimeAgo at={view.at} c="dimmed" />}
      </Group>
      {view.state === "rendering" && fraction !== null && (
        <Stack gap={4}>
          <Progress value={fraction * 100} aria-label={words.progressLabel} />
          <Text size="sm">
            {words.progress(formatPercent(fraction))}
            {eta === null ? "" : `, ${words.left(formatDuration(eta))}`}
          </Text>
          {detail !== null && (
            <Text size="xs" c="dimmed" ff="monospace">
              {detail}
            </Text>
          )}
        </Stack>
      )}
      {view.parts != null && <Text size="sm">{words.parts(view.parts_done ?? 0, view.parts)}</Text>}
      {view.flags.length > 0 && (
        <Alert
          color="orange"
          variant="light"
          styles={{ title: { color: "var(--mantine-color-text)" } }}
          icon={<IconAlertTriangle aria-hidden />}
          title={words.flagsTitle}
        >
          {view.flags.map((flag) => (
            <Text key={flag.flag} size="sm">
              {words.flags[flag.flag]}: {flag.detail}
            </Text>
          ))}
        </Alert>
      )}
      {view.message != null && view.state === "failed" && (
        <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {view.message}
          </Text>
        </Alert>
      )}
    </Stack>
  );
}
