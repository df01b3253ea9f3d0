"use client";
// One replica: what it is, what it does, what it keeps, and all that it tried.
import { Alert, Badge, Grid, Group, Progress, Stack, Table, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useSegments } from "@/shared/api/project";
import { formatBytes, formatNumber, formatTime } from "@/shared/format/format";
import { useRefreshOn } from "@/shared/live/refresh-on";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { ReadAgain } from "@/shared/ui/read-again";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { AttemptHistory } from "./attempt-history";
import { CurrentWork } from "./current-work";
import { WorkerMenu } from "./worker-menu";
import { replicaName } from "./worker-names";
import { ReplicaState } from "./worker-state";

const WORDS = strings.workers;
const PATH = [
  { title: strings.shell.pages.farm, href: "/farm/" },
  { title: WORDS.title, href: "/farm/workers/" },
];

export function WorkerPage() {
  const id = useSegments()[2] ?? "";
  const params = { path: { replica_id: id } };
  const query = $api.useQuery("get", "/v1/replicas/{replica_id}", { params }, { refetchOnWindowFocus: "always" });
  const touched = ["/v1/replicas/{replica_id}", "/v1/replicas/{replica_id}/attempts"];
  useRefreshOn({ "chunk.": touched, "frames.": touched, "frame.": touched });
  const isGone = query.error !== null && asProblem(query.error).status === 404;
  if (isGone) {
    return (
      <Page title={WORDS.replicaTitle(id.slice(0, 8))} path={PATH} actions={<ReadAgain />}>
        <Alert color="gray" title={WORDS.gone}>
          {WORDS.goneWords}
        </Alert>
        <AttemptHistory id={id} />
      </Page>
    );
  }
  return (
    <QueryStates query={query}>
      {(replica) => (
        <Page
          title={replicaName(replica)}
          path={PATH}
          badge={<ReplicaState replica={replica} />}
          actions={
            <>
              <ReadAgain />
              <WorkerMenu
                worker={{ kind: "replica", id, name: replicaName(replica) }}
                isDisabled={replica.disabled}
                isDraining={replica.draining}
              />
            </>
          }
        >
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 5 }}>
              <Stack gap="md">
                <Facts replica={replica} />
                <Guards sandbox={replica.sandbox ?? null} />
                <Offers replica={replica} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 7 }}>
              <Stack gap="md">
                <Section title={WORDS.now}>
                  <CurrentWork current={replica.current} />
                </Section>
                <Residents residents={replica.residents} />
              </Stack>
            </Grid.Col>
          </Grid>
          <AttemptHistory id={id} />
        </Page>
      )}
    </QueryStates>
  );
}

function Facts({ replica }: { replica: Schemas["ReplicaView"] }) {
  const names = WORDS.factNames;
  const facts: [string, ReactNode][] = [
    [names.node, replica.node],
    [names.pool, replica.pool],
    [names.cluster, replica.cluster],
    [names.device, replica.device_class],
    [names.started, formatTime(replica.started_at)],
    [names.beat, <TimeAgo key="beat" at={replica.beat_at} />],
    [names.frames, formatNumber(replica.frames)],
    [names.failures, formatNumber(replica.failures)],
  ];
  if (replica.disabled_reason != null) facts.push([names.disabledWhy, replica.disabled_reason]);
  if (replica.drain_reason != null) facts.push([names.drainWhy, replica.drain_reason]);
  if (replica.drain_by != null) facts.push([names.drainBy, formatTime(replica.drain_by)]);
  return (
    <Section title={WORDS.facts}>
      <Table variant="vertical" layout="fixed" highlightOnHover={false}>
        <Table.Tbody>
          {facts.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th w={160} scope="row">
                {name}
              </Table.Th>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}

function Guards({ sandbox }: { sandbox: Schemas["Sandbox"] | null }) {
  const isFull = sandbox?.level === "full";
  const Icon = isFull ? IconShieldCheck : IconShieldX;
  return (
    <Section title={WORDS.sandbox}>
      {sandbox === null ? (
        <Text size="sm" c="dimmed">
          {WORDS.sandboxUnknown}
        </Text>
      ) : (
        <Group gap="sm">
          <Badge color={isFull ? "green" : "orange"} variant="light" leftSection={<Icon size={12} aria-hidden />}>
            {WORDS.sandboxLevels[sandbox.level] ?? sandbox.level}
          </Badge>
          <Text size="sm">
            {sandbox.missing?.length ? WORDS.sandboxMissing(sandbox.missing.join(", ")) : WORDS.sandboxFull}
          </Text>
        </Group>
      )}
    </Section>
  );
}

function Offers({ replica }: { replica: Schemas["ReplicaView"] }) {
  const labels = Object.entries(replica.labels);
  return (
    <>
      <Section title={WORDS.engines}>
        <Group gap="xs">
          {Object.entries(replica.engines).map(([pipeline, version]) => (
            <Badge key={pipeline} variant="default" tt="none">
              {pipeline}: {String(version)}
            </Badge>
          ))}
        </Group>
      </Section>
      <Section title={WORDS.labels}>
        {labels.length === 0 ? (
          <Text size="sm" c="dimmed">
            {WORDS.noLabels}
          </Text>
        ) : (
          <Group gap="xs">
            {labels.map(([name, value]) => (
              <Badge key={name} variant="default" tt="none">
                {name}={String(value)}
              </Badge>
            ))}
          </Group>
        )}
      </Section>
    </>
  );
}

function Residents({ residents }: { residents: readonly Schemas["Resident"][] }) {
  const largest = Math.max(1, ...residents.map((resident) => resident.size_bytes));
  return (
    <Section title={WORDS.residents}>
      {residents.length === 0 ? (
        <Text size="sm" c="dimmed">
          {WORDS.nothingLoaded}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{WORDS.scene}</Table.Th>
                <Table.Th>{WORDS.ram}</Table.Th>
                <Table.Th ta="right">{WORDS.gpuMemory}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {residents.map((resident) => (
                <Table.Tr key={resident.digest}>
                  <Table.Td ff="monospace">{resident.digest.slice(0, 12)}</Table.Td>
                  <Table.Td>
                    <Text size="sm">{formatBytes(resident.size_bytes)}</Text>
                    <Progress
                      value={(resident.size_bytes / largest) * 100}
                      size="xs"
                      aria-label={formatBytes(resident.size_bytes)}
                    />
                  </Table.Td>
                  <Table.Td ta="right">{resident.vram_bytes == null ? "–" : formatBytes(resident.vram_bytes)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}
