"use client";
// What a frame is, beside the pointer: its state, how long it took, and its picture.
import { Badge, Group, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { $api } from "@/shared/api/client";
import { formatDuration, formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";
import classes from "./frame-grid.module.css";
import { useFramePicture } from "./frame-picture";
import { FrameStateWord } from "./frame-state-word";
import { useFrames, useJobParams, type JobDetail } from "./job-context";

const words = strings.job.frame;

export function FrameCard({
  job,
  ordinal,
  place,
}: {
  job: JobDetail;
  ordinal: number;
  place: { left: number; top: number };
}) {
  const { range, states, progress } = useFrames();
  const frame = range.frameAt(ordinal);
  const state = states.stateAt(ordinal);
  const { header, path } = useJobParams(job.id);
  const { data } = $api.useQuery("get", "/v1/jobs/{job_id}/frames/{frame}", {
    params: { header, path: { ...path, frame } },
  });
  const told = state === "rendering" ? progress.of(ordinal) : null;
  const hasPicture = state === "committed" || state === "reused";
  const preview = told?.preview ?? (state === "rendering" ? data?.progress?.preview : null) ?? null;
  const stamp = hasPicture ? `${job.generation}` : preview === null ? null : `live-${preview}`;
  const picture = useFramePicture(job.id, frame, stamp);
  const fraction = told?.fraction ?? (state === "rendering" ? data?.progress?.fraction : null) ?? null;
  return (
    <Paper className={classes.card} style={place} withBorder shadow="md" p="xs" aria-hidden>
      <Stack gap={6}>
        <Group justify="space-between" gap={6}>
          <Text fw={650} size="sm">
            {words.title(frame)}
          </Text>
          {state !== null && <FrameStateWord state={state} isSuspect={states.isSuspect(ordinal)} />}
        </Group>
        {picture.state === "there" && (
          // eslint-disable-next-line @next/next/no-img-element -- a blob, which no optimiser could read
          <img src={picture.url} alt="" className={classes.picture} />
        )}
        {picture.state === "loading" && <Skeleton height={120} />}
        {fraction !== null && <Text size="xs">{words.progress(formatPercent(fraction))}</Text>}
        {data?.render_ms != null && hasPicture && (
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              {words.tookShort(formatDuration(data.render_ms / 1000))}
            </Text>
            {data.warm === false && (
              <Badge size="xs" variant="light" color="gray">
                {words.cold}
              </Badge>
            )}
          </Group>
        )}
        {data?.flags.map((flag) => (
          <Text key={flag.flag} size="xs">
            {words.flags[flag.flag]}: {flag.detail}
          </Text>
        ))}
        {data?.message != null && state !== "committed" && (
          <Text size="xs" lineClamp={3}>
            {data.message}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
