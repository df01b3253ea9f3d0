// How far a job is: a bar by what became of its frames, and the same in numbers.
import { Group, Progress, Text, Tooltip } from "@mantine/core";
import { formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { Job } from "./commands";

const PARTS = ["committed", "reused", "failed", "skipped", "canceled"] as const;

export function JobProgress({ job }: { job: Pick<Job, "name" | "counts" | "progress" | "suspects"> }) {
  const { counts } = job;
  const done = counts.committed + counts.reused;
  return (
    <div>
      <Tooltip label={formatPercent(job.progress)}>
        <Progress.Root size={8} role="img" aria-label={strings.jobs.progressOf(job.name, formatPercent(job.progress))}>
          {PARTS.filter((part) => counts[part] > 0).map((part) => (
            <Progress.Section
              key={part}
              value={(100 * counts[part]) / Math.max(counts.total, 1)}
              color={`var(--farm-${part})`}
              aria-hidden
            />
          ))}
        </Progress.Root>
      </Tooltip>
      <Group gap={6} mt={4}>
        <Text size="xs" style={{ whiteSpace: "nowrap" }}>
          {strings.jobs.framesOf(done, counts.total)}
        </Text>
        {counts.failed > 0 && (
          <Text size="xs" c="var(--mantine-color-red-light-color)" fw={600}>
            {strings.jobs.failedFrames(counts.failed)}
          </Text>
        )}
        {job.suspects > 0 && (
          <Text size="xs" fw={600}>
            {strings.jobs.suspects(job.suspects)}
          </Text>
        )}
      </Group>
    </div>
  );
}
