"use client";
// What a replica tried last, and how that ended.
import { Anchor, Badge, Button, Center, Table, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { useState } from "react";
import { jobAddress } from "@/features/farm/job-address";
import { $api, type Schemas } from "@/shared/api/client";
import { formatDuration } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";

const WORDS = strings.workers;
const COLUMNS = WORDS.historyColumns;
const STEP = 50;
const MOST = 500;

export function AttemptHistory({ id }: { id: string }) {
  const [limit, setLimit] = useState(STEP);
  const query = $api.useQuery(
    "get",
    "/v1/replicas/{replica_id}/attempts",
    { params: { path: { replica_id: id }, query: { limit } } },
    { placeholderData: (before) => before },
  );
  return (
    <Section title={WORDS.history} words={WORDS.historyWords}>
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={
          <Text size="sm" c="dimmed">
            {WORDS.noHistory}
          </Text>
        }
      >
        {(page) => (
          <>
            <AttemptTable attempts={page.items} />
            {page.items.length === limit && limit < MOST && (
              <Center>
                <Button variant="default" onClick={() => setLimit(Math.min(MOST, limit + 3 * STEP))}>
                  {WORDS.more}
                </Button>
              </Center>
            )}
          </>
        )}
      </QueryStates>
    </Section>
  );
}

function AttemptTable({ attempts }: { attempts: readonly Schemas["ReplicaAttempt"][] }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{COLUMNS.job}</Table.Th>
            <Table.Th ta="right">{COLUMNS.frame}</Table.Th>
            <Table.Th>{COLUMNS.outcome}</Table.Th>
            <Table.Th ta="right">{COLUMNS.took}</Table.Th>
            <Table.Th>{COLUMNS.ended}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {attempts.map((attempt, index) => (
            <Table.Tr key={`${attempt.job}/${attempt.frame}/${attempt.ended_at}/${index}`}>
              <Table.Td>
                <Anchor
                  component={Link}
                  href={`${jobAddress(attempt.project, attempt.job)}?frame=${attempt.frame}`}
                  size="sm"
                >
                  {attempt.job_name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {attempt.project}
                </Text>
              </Table.Td>
              <Table.Td ta="right">{attempt.frame}</Table.Td>
              <Table.Td>
                <Badge color={attempt.outcome === "ok" ? "green" : "red"} variant="light">
                  {WORDS.outcomes[attempt.outcome]}
                </Badge>
                {attempt.message != null && (
                  <Text size="xs" c="dimmed" maw={420} style={{ overflowWrap: "anywhere" }}>
                    {attempt.message}
                  </Text>
                )}
              </Table.Td>
              <Table.Td ta="right">{tookOf(attempt)}</Table.Td>
              <Table.Td>
                <TimeAgo at={attempt.ended_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function tookOf({ started_at, ended_at }: Schemas["ReplicaAttempt"]): string {
  if (started_at == null) return "–";
  return formatDuration(Math.max(0, (Date.parse(ended_at) - Date.parse(started_at)) / 1000));
}
