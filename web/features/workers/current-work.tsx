// What a replica renders now, with the way to the job.
import { Anchor, Progress, Stack, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { Schemas } from "@/shared/api/client";
import { jobAddress } from "@/features/farm/job-address";
import { formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";

const WORDS = strings.workers;

export function CurrentWork({ current }: { current: Schemas["Current"] | null }) {
  if (current === null) {
    return (
      <Text size="sm" c="dimmed">
        {WORDS.idle}
      </Text>
    );
  }
  const where = [
    current.frame != null && WORDS.frame(current.frame),
    current.part != null && current.parts != null && WORDS.part(current.part + 1, current.parts),
  ].filter(Boolean);
  return (
    <Stack gap={2} miw={140}>
      {current.job != null && current.project != null && (
        <Anchor component={Link} href={jobAddress(current.project, current.job)} size="sm" maw={220} truncate>
          {current.job_name ?? current.job.slice(0, 8)}
        </Anchor>
      )}
      <Text size="xs" c="dimmed">
        {[current.project, ...where, current.detail].filter(Boolean).join(" · ")}
      </Text>
      {current.fraction != null && (
        <Progress
          value={current.fraction * 100}
          size="xs"
          aria-label={WORDS.done(formatPercent(current.fraction))}
          maw={220}
        />
      )}
    </Stack>
  );
}
