"use client";
// What each replica keeps loaded: a bar of residents, as long as the memory that they take.
import { Anchor, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { ComponentProps } from "react";
import type { Schemas } from "@/shared/api/client";
import { formatBytes } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { memoryOf, type ReplicaMemory } from "./replica-memory";

type Query = ComponentProps<typeof QueryStates<Schemas["Page_ReplicaView_"]>>["query"];
/** A farm of a thousand replicas is looked at on its page of workers. */
const MOST_BARS = 12;
const COLORS = ["iris.6", "teal.7", "grape.7", "orange.8", "cyan.8", "pink.7"] as const;

export function MemorySection({ query }: { query: Query }) {
  return (
    <Section title={strings.farm.memory}>
      <QueryStates query={query}>
        {(page) => {
          const memory = memoryOf(page.items);
          return memory.length === 0 ? (
            <Text c="dimmed" size="sm">
              {strings.farm.nothingLoaded}
            </Text>
          ) : (
            <Bars memory={memory} />
          );
        }}
      </QueryStates>
    </Section>
  );
}

function Bars({ memory }: { memory: readonly ReplicaMemory[] }) {
  const longest = Math.max(...memory.map((replica) => replica.bytes));
  return (
    <Stack gap="sm">
      <Text size="xs" c="dimmed">
        {strings.farm.memoryWords}
      </Text>
      {memory.slice(0, MOST_BARS).map((replica) => (
        <Stack key={`${replica.id}/${replica.kind}`} gap={4}>
          <Group justify="space-between" wrap="nowrap">
            <Anchor component={Link} href={`/farm/workers/${replica.id}/`} size="sm" truncate>
              {replica.label}
            </Anchor>
            <Text size="xs" c="dimmed" style={{ flexShrink: 0 }}>
              {strings.farm[replica.kind]} {formatBytes(replica.bytes)}
            </Text>
          </Group>
          <Progress.Root size="lg">
            {replica.residents.map((resident, index) => {
              const words = strings.farm.resident(resident.digest.slice(0, 8), formatBytes(resident.bytes));
              return (
                <Tooltip key={resident.digest} label={words}>
                  <Progress.Section
                    value={longest === 0 ? 0 : (resident.bytes / longest) * 100}
                    color={COLORS[index % COLORS.length]}
                    aria-label={words}
                  />
                </Tooltip>
              );
            })}
          </Progress.Root>
        </Stack>
      ))}
      {memory.length > MOST_BARS && (
        <Anchor component={Link} href="/farm/workers/" size="sm">
          {strings.farm.allWorkers}
        </Anchor>
      )}
    </Stack>
  );
}
