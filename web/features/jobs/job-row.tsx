"use client";
import { Anchor, Badge, Checkbox, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { useProject } from "@/shared/api/project";
import { formatDuration } from "@/shared/format/format";
import { JobStateBadge } from "@/shared/ui/job-state";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import type { Job } from "./commands";
import { JobMenu } from "./job-menu";
import { JobProgress } from "./job-progress";
import classes from "./jobs-table.module.css";
import type { AskedActions } from "./use-asked-actions";

interface JobRowProps {
  job: Job;
  isSelected: boolean;
  /** Null where one may only look. */
  actions: AskedActions | null;
  onSelect: (id: string) => void;
}

export function JobRow({ job, isSelected, actions, onSelect }: JobRowProps) {
  const project = useProject();
  return (
    <Table.Tr className={classes.row} data-job={job.id} data-selected={isSelected || undefined}>
      {actions !== null && (
        <Table.Td>
          <Checkbox
            aria-label={strings.jobs.select(job.name)}
            checked={isSelected}
            onChange={() => onSelect(job.id)}
            size="sm"
          />
        </Table.Td>
      )}
      <Table.Td>
        <Anchor
          component={Link}
          href={`/projects/${encodeURIComponent(project)}/jobs/${job.id}/`}
          fw={600}
          className={classes.name}
          data-job-link
        >
          {job.name}
        </Anchor>
        <JobLabels job={job} />
      </Table.Td>
      <Table.Td>
        <Stack gap={4} align="flex-start">
          <JobStateBadge state={job.state} />
          <JobOutlook job={job} />
        </Stack>
      </Table.Td>
      <Table.Td>
        <JobProgress job={job} />
      </Table.Td>
      <Table.Td>
        <Text size="sm" className={classes.frames} title={job.frames}>
          {job.frames}
        </Text>
      </Table.Td>
      <Table.Td>{job.pipeline}</Table.Td>
      <Table.Td>{strings.jobs.priorities[job.priority as keyof typeof strings.jobs.priorities]}</Table.Td>
      <Table.Td>
        <Text size="sm" className={classes.who} title={job.submitted_by ?? undefined}>
          {job.submitted_by ?? ""}
        </Text>
        <TimeAgo at={job.created_at} c="dimmed" size="xs" style={{ whiteSpace: "nowrap" }} />
      </Table.Td>
      {actions !== null && (
        <Table.Td>
          <JobMenu job={job} actions={actions} />
        </Table.Td>
      )}
    </Table.Tr>
  );
}

function JobLabels({ job }: { job: Job }) {
  const place = [job.show, job.shot].filter(Boolean).join(" / ");
  if (place === "" && job.tags.length === 0) return null;
  return (
    <Group gap={6} mt={2}>
      {place !== "" && (
        <Text size="xs" c="dimmed">
          {place}
        </Text>
      )}
      {job.tags.map((tag) => (
        <Badge key={tag} size="xs" variant="default" tt="none">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}

/** Why it waits or how it ended, else how long it still takes. */
function JobOutlook({ job }: { job: Job }) {
  const words = outlookOf(job);
  return words === null ? null : (
    <Text size="xs" c="dimmed" className={classes.outlook} title={words} lineClamp={2}>
      {words}
    </Text>
  );
}

export function outlookOf(job: Job): string | null {
  if (job.ended_at !== null && job.ended_at !== undefined) {
    if (job.state === "failed") return job.message ?? null;
    if (job.started_at === null || job.started_at === undefined) return null;
    const seconds = (new Date(job.ended_at).getTime() - new Date(job.started_at).getTime()) / 1000;
    return job.state === "succeeded" ? strings.jobs.took(formatDuration(seconds)) : (job.message ?? null);
  }
  if (job.wait !== null && job.wait !== undefined) return job.wait.words;
  if (job.state !== "running" || job.eta_seconds === null || job.eta_seconds === undefined) return null;
  return strings.jobs.left(formatDuration(job.eta_seconds));
}
