"use client";
// How the job stands, in figures: progress, what is left, how fast, where, and whose it is.
import { Anchor, Badge, Group, Paper, Progress, SimpleGrid, Stack, Text, Tooltip } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { ReactNode } from "react";
import { $api } from "@/shared/api/client";
import { useProject } from "@/shared/api/project";
import { formatDuration, formatNumber, formatPercent } from "@/shared/format/format";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import type { JobDetail } from "./job-context";
import { useProjectHeader } from "@/shared/api/project";

const words = strings.job.header;

const PARTS = ["committed", "reused", "failed", "canceled", "skipped"] as const;

export function JobHeader({ job }: { job: JobDetail }) {
  return (
    <Paper withBorder p="md">
      <Stack gap="md">
        <JobProgress job={job} />
        <Figures job={job} />
        <About job={job} />
      </Stack>
    </Paper>
  );
}

function JobProgress({ job }: { job: JobDetail }) {
  const { counts } = job;
  const ended = PARTS.reduce((sum, part) => sum + counts[part], 0);
  return (
    <Stack gap={6}>
      <Group justify="space-between">
        <Text fw={650}>{words.progress(formatNumber(ended), formatNumber(counts.total))}</Text>
        <Text fw={650}>{formatPercent(job.progress)}</Text>
      </Group>
      <Progress.Root size="lg" role="group" aria-label={words.progressLabel}>
        {PARTS.filter((part) => counts[part] > 0).map((part) => (
          <Tooltip key={part} label={words.part(strings.job.frameStates[part], formatNumber(counts[part]))}>
            <Progress.Section
              value={(counts[part] / Math.max(counts.total, 1)) * 100}
              color={`var(--farm-${part})`}
              aria-label={words.part(strings.job.frameStates[part], formatNumber(counts[part]))}
            />
          </Tooltip>
        ))}
      </Progress.Root>
    </Stack>
  );
}

function Figures({ job }: { job: JobDetail }) {
  const rendered = job.warm + job.cold;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      {job.ended_at == null ? (
        <Figure label={words.eta}>{job.eta_seconds == null ? "—" : formatDuration(job.eta_seconds)}</Figure>
      ) : (
        job.started_at != null && (
          <Figure label={words.took}>{formatDuration(secondsBetween(job.started_at, job.ended_at))}</Figure>
        )
      )}
      <Figure label={words.rate}>{job.frames_per_second == null ? "—" : rateOf(job.frames_per_second)}</Figure>
      <Figure label={words.perFrame}>
        {job.seconds_per_frame == null ? "—" : formatDuration(job.seconds_per_frame)}
      </Figure>
      <Figure label={words.warm} hint={words.warmWords}>
        {rendered === 0 ? "—" : words.warmOf(formatNumber(job.warm), formatNumber(rendered))}
      </Figure>
      <Figure label={words.engine}>
        {job.engine_version ?? job.pipeline}
        {job.device_class == null ? "" : `, ${job.device_class}`}
      </Figure>
      <Figure label={words.priority}>
        {strings.job.change.priorities[job.priority as keyof typeof strings.job.change.priorities] ?? job.priority}
      </Figure>
    </SimpleGrid>
  );
}

function rateOf(perSecond: number): string {
  return perSecond >= 0.1
    ? words.perSecond(formatNumber(perSecond, 2))
    : words.perHour(formatNumber(perSecond * 3600, 1));
}

function secondsBetween(from: string, to: string): number {
  return (new Date(to).getTime() - new Date(from).getTime()) / 1000;
}

function Figure({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  const name = (
    <Text size="xs" c="dimmed" component="span" tabIndex={hint === undefined ? undefined : 0}>
      {label}
    </Text>
  );
  return (
    <div>
      {hint === undefined ? (
        name
      ) : (
        <Tooltip label={hint} multiline maw={260} events={{ hover: true, focus: true, touch: true }}>
          {name}
        </Tooltip>
      )}
      <Text fw={650} style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}

function About({ job }: { job: JobDetail }) {
  const project = useProject();
  const header = useProjectHeader();
  const { data: model } = $api.useQuery("get", "/v1/models/{model_id}", {
    params: { header, path: { model_id: job.model } },
  });
  return (
    <Group gap="md">
      <Text size="sm">
        {words.model}{" "}
        <Anchor component={Link} href={`/projects/${project}/models/${job.model}/`} size="sm">
          {model?.name ?? job.model.slice(0, 8)}
        </Anchor>
      </Text>
      <Group gap={4}>
        <Text size="sm">{words.submitted}</Text>
        <TimeAgo at={job.created_at} />
        {job.submitted_by != null && <Text size="sm">{words.by(job.submitted_by)}</Text>}
      </Group>
      {job.ended_at != null && (
        <Group gap={4}>
          <Text size="sm">{words.ended}</Text>
          <TimeAgo at={job.ended_at} />
        </Group>
      )}
      {job.cloned_from != null && (
        <Text size="sm">
          {words.clonedFrom}{" "}
          <Anchor component={Link} href={`/projects/${project}/jobs/${job.cloned_from}/`} size="sm">
            {words.thatJob}
          </Anchor>
        </Text>
      )}
      {job.show != null && (
        <Badge variant="default" tt="none">
          {words.show} {job.show}
          {job.shot == null ? "" : ` / ${job.shot}`}
        </Badge>
      )}
      {job.tags.length > 0 && (
        <Group gap={4} component="ul" p={0} m={0} aria-label={words.tags} style={{ listStyle: "none" }}>
          {job.tags.map((tag) => (
            <Badge key={tag} component="li" variant="light" color="gray" tt="none">
              {tag}
            </Badge>
          ))}
        </Group>
      )}
    </Group>
  );
}
