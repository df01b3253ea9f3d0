"use client";
// What the API needs and whether it answers, who leads, and the farm's own loops.
import { Badge, Stack, Table, Text } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { $api, type Schemas } from "@/shared/api/client";
import { formatDuration } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { LoopState } from "./loop-state";
import { useStatus } from "./use-overview";

const WORDS = strings.farm;

export function HealthPanel() {
  const status = useStatus();
  const loops = $api.useQuery("get", "/v1/loops", {}, { refetchOnWindowFocus: "always" });
  return (
    <Stack gap="md">
      <QueryStates query={status}>
        {(seen) => (
          <>
            <Checks status={seen} />
            <Leaders leaders={seen.leaders ?? []} />
          </>
        )}
      </QueryStates>
      <Section title={WORDS.loops} words={WORDS.loopsWords}>
        <QueryStates
          query={loops}
          isEmpty={(page) => page.items.length === 0}
          empty={
            <Text size="sm" c="dimmed">
              {WORDS.noLoops}
            </Text>
          }
        >
          {(page) => <Loops loops={page.items} />}
        </QueryStates>
      </Section>
    </Stack>
  );
}

function Checks({ status }: { status: Schemas["FarmStatus"] }) {
  const columns = WORDS.checkColumns;
  const isReady = status.checks.every((check) => check.ok || !check.required);
  return (
    <Section
      title={WORDS.checks}
      words={WORDS.version(status.version)}
      actions={<Works ok={isReady} words={isReady ? WORDS.ready : WORDS.notReady} />}
    >
      <Table.ScrollContainer minWidth={520}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.state}</Table.Th>
              <Table.Th>{columns.required}</Table.Th>
              <Table.Th ta="right">{columns.took}</Table.Th>
              <Table.Th>{columns.detail}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {status.checks.map((check) => (
              <Table.Tr key={check.name}>
                <Table.Th scope="row">{check.name}</Table.Th>
                <Table.Td>
                  <Works ok={check.ok} words={check.ok ? WORDS.works : WORDS.fails} />
                </Table.Td>
                <Table.Td>{check.required ? WORDS.yes : WORDS.no}</Table.Td>
                <Table.Td ta="right">{formatDuration(check.ms / 1000)}</Table.Td>
                <Table.Td>{check.detail ?? ""}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

function Leaders({ leaders }: { leaders: readonly Schemas["LeaderView"][] }) {
  return (
    <Section title={WORDS.leaders}>
      {leaders.length === 0 ? (
        <Text size="sm" c="dimmed">
          {WORDS.noLeaders}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={360}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{WORDS.role}</Table.Th>
                <Table.Th>{WORDS.cluster}</Table.Th>
                <Table.Th>{WORDS.checkColumns.state}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {leaders.map((leader) => (
                <Table.Tr key={`${leader.role}/${leader.cluster}`}>
                  <Table.Th scope="row">{leader.role}</Table.Th>
                  <Table.Td>{leader.cluster}</Table.Td>
                  <Table.Td>
                    <Works ok={leader.leads} words={leader.leads ? WORDS.leads : WORDS.nobodyLeads} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}

function Loops({ loops }: { loops: readonly Schemas["LoopView"][] }) {
  const columns = WORDS.loopColumns;
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.state}</Table.Th>
            <Table.Th>{columns.ran}</Table.Th>
            <Table.Th ta="right">{columns.every}</Table.Th>
            <Table.Th ta="right">{columns.took}</Table.Th>
            <Table.Th ta="right">{columns.failures}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {loops.map((loop) => (
            <Table.Tr key={`${loop.cluster}/${loop.name}`}>
              <Table.Td>
                <Text size="sm">{loop.name}</Text>
                {loop.error != null && (
                  <Text size="xs" c="dimmed" maw={420} style={{ overflowWrap: "anywhere" }}>
                    {loop.error}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <LoopState loop={loop} />
              </Table.Td>
              <Table.Td>
                <TimeAgo at={loop.ran_at} />
              </Table.Td>
              <Table.Td ta="right">{formatDuration(loop.every_ms / 1000)}</Table.Td>
              <Table.Td ta="right">{formatDuration(loop.took_ms / 1000)}</Table.Td>
              <Table.Td ta="right">{loop.failures}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Works({ ok, words }: { ok: boolean; words: string }) {
  const Icon = ok ? IconCheck : IconX;
  return (
    <Badge color={ok ? "green" : "red"} variant="light" leftSection={<Icon size={12} aria-hidden />}>
      {words}
    </Badge>
  );
}
