"use client";
// Everything else of the job: what it may use, its deadlines, its settings, and the machines that it avoids.
import { Badge, Button, Code, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { useRefresh } from "@/shared/api/refresh";
import { formatTime } from "@/shared/format/format";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";

const words = strings.job.details;

export function DetailsTab({ job }: { job: JobDetail }) {
  const settings = Object.entries(job.spec.settings ?? {});
  return (
    <Stack gap="lg">
      <Section title={words.about}>
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
          <Fact label={words.id}>
            <Code>{job.id}</Code>
          </Fact>
          <Fact label={words.frames}>{job.frames}</Fact>
          <Fact label={words.pipeline}>{job.pipeline}</Fact>
          <Fact label={words.device}>{job.device_class ?? "—"}</Fact>
          <Fact label={words.weight}>{job.weight}</Fact>
          <Fact label={words.maxReplicas}>{job.max_replicas ?? words.noLimit}</Fact>
          <Fact label={words.startBefore}>{timeOr(job.start_before, words.none)}</Fact>
          <Fact label={words.finishBefore}>{timeOr(job.finish_before, words.none)}</Fact>
          <Fact label={words.expires}>{timeOr(job.expires_at, words.unlimited)}</Fact>
          <Fact label={words.generation}>{job.generation}</Fact>
        </SimpleGrid>
      </Section>
      <Section title={words.settings}>
        {settings.length === 0 ? (
          <Text c="dimmed">{words.noSettings}</Text>
        ) : (
          <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
            {settings.map(([field, value]) => (
              <Fact key={field} label={field.replaceAll("_", " ")}>
                {typeof value === "object" ? JSON.stringify(value) : String(value)}
              </Fact>
            ))}
          </SimpleGrid>
        )}
      </Section>
      <Section title={words.blocklist}>
        <Blocklist job={job} />
      </Section>
      <Section title={words.spec}>
        <Code block tabIndex={0} style={{ maxHeight: 480, overflow: "auto" }}>
          {JSON.stringify(job.spec, null, 2)}
        </Code>
      </Section>
    </Stack>
  );
}

function timeOr(at: string | null | undefined, otherwise: string): string {
  return at == null ? otherwise : formatTime(at);
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {title}
      </Title>
      {children}
    </Stack>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text size="sm" component="div" style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}

function Blocklist({ job }: { job: JobDetail }) {
  const params = useJobParams(job.id);
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/blocklist", { params });
  return (
    <QueryStates
      query={query}
      isEmpty={({ items }) => items.length === 0}
      empty={<Text c="dimmed">{words.noBlocks}</Text>}
    >
      {({ items }) => (
        <Table.ScrollContainer minWidth={520}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{words.node}</Table.Th>
                <Table.Th>{words.failures}</Table.Th>
                <Table.Th>{words.blocked}</Table.Th>
                <Table.Th>{words.since}</Table.Th>
                <Table.Td />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((block) => (
                <BlockRow key={`${block.node} ${block.pipeline}`} job={job} block={block} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </QueryStates>
  );
}

function BlockRow({ job, block }: { job: JobDetail; block: Schemas["BlockView"] }) {
  const { header, path } = useJobParams(job.id);
  const may = useMay();
  const refresh = useRefresh();

  async function reset() {
    try {
      await api.DELETE("/v1/jobs/{job_id}/blocklist/{node}", {
        params: { header, path: { ...path, node: block.node } },
      });
      notifyDone(words.resetDone(block.node));
      await refresh("/v1/jobs/{job_id}/blocklist");
    } catch (error) {
      notifyProblem(error);
    }
  }

  return (
    <Table.Tr>
      <Table.Td>{block.node}</Table.Td>
      <Table.Td>{block.failures}</Table.Td>
      <Table.Td>
        <Badge color={block.blocked ? "red" : "gray"} variant="light">
          {block.blocked ? words.blocked : words.watched}
        </Badge>
      </Table.Td>
      <Table.Td>{block.blocked_at == null ? "" : <TimeAgo at={block.blocked_at} />}</Table.Td>
      <Table.Td>
        {may("project:render") && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={words.resetOf(block.node)}
            onClick={() => void reset()}
          >
            {words.reset}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
