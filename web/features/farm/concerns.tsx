"use client";
// What an operator may have to do something about: why work waits, jobs that fail, loops that are late.
import { Anchor, Badge, Group, Stack, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { ComponentProps } from "react";
import type { Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { jobAddress } from "./job-address";
import { LoopState } from "./loop-state";
import { topReasons } from "./queue-summary";

type Query<Data> = ComponentProps<typeof QueryStates<Data>>["query"];

export function Reasons({ classes }: { classes: readonly Schemas["ClassQueue"][] }) {
  const reasons = topReasons(classes);
  return (
    <Section
      title={strings.farm.reasons}
      actions={
        reasons.length > 0 && (
          <Anchor component={Link} href="/farm/waiting/" size="sm">
            {strings.farm.allWaiting}
          </Anchor>
        )
      }
    >
      {reasons.length === 0 ? (
        <Quiet words={strings.farm.nothingWaits} />
      ) : (
        <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: "none" }}>
          {reasons.map(({ reason, words, jobs, oldestAt }) => (
            <Group key={reason} component="li" justify="space-between" wrap="nowrap" align="flex-start">
              <Stack gap={0}>
                <Text size="sm">{words}</Text>
                <TimeAgo at={oldestAt} size="xs" c="dimmed" />
              </Stack>
              <Anchor component={Link} href={`/farm/waiting/?reason=${reason}`} size="sm" style={{ flexShrink: 0 }}>
                {strings.farm.jobs(jobs)}
              </Anchor>
            </Group>
          ))}
        </Stack>
      )}
    </Section>
  );
}

export function FailingJobs({ query }: { query: Query<Schemas["Page_TroubledJob_"]> }) {
  return (
    <Section title={strings.farm.failing}>
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={<Quiet words={strings.farm.nothingFails} />}
      >
        {(page) => (
          <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: "none" }}>
            {page.items.map((job) => (
              <Group key={job.id} component="li" justify="space-between" wrap="nowrap" align="flex-start">
                <Stack gap={0} style={{ minWidth: 0 }}>
                  <Anchor component={Link} href={jobAddress(job.project, job.id)} size="sm" truncate>
                    {job.name}
                  </Anchor>
                  <Text size="xs" c="dimmed">
                    {job.project} · {strings.jobStates[job.state]}
                  </Text>
                </Stack>
                <Badge color="red" variant="light" style={{ flexShrink: 0 }}>
                  {strings.farm.failedOf(formatNumber(job.failed), formatNumber(job.total))}
                </Badge>
              </Group>
            ))}
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

export function LateLoops({ query }: { query: Query<Schemas["Page_LoopView_"]> }) {
  return (
    <Section
      title={strings.farm.trouble}
      actions={
        <Anchor component={Link} href="/farm/status/" size="sm">
          {strings.farm.statusTitle}
        </Anchor>
      }
    >
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.every((loop) => loop.ok)}
        empty={<Quiet words={strings.farm.allLoopsWell} />}
      >
        {(page) => (
          <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: "none" }}>
            {page.items
              .filter((loop) => !loop.ok)
              .map((loop) => (
                <li key={`${loop.cluster}/${loop.name}`}>
                  <Group justify="space-between">
                    <Text size="sm">{loop.name}</Text>
                    <LoopState loop={loop} />
                  </Group>
                  {loop.error != null && (
                    <Text size="xs" c="dimmed" lineClamp={3} style={{ overflowWrap: "anywhere" }}>
                      {loop.error}
                    </Text>
                  )}
                </li>
              ))}
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

function Quiet({ words }: { words: string }) {
  return (
    <Text c="dimmed" size="sm">
      {words}
    </Text>
  );
}
