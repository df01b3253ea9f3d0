"use client";
// Features that can be turned on and off without a release. Operators see them, administrators change them.
import { Badge, Button, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { FlagDialog } from "./flag-dialog";

const WORDS = strings.farm;
type Flag = Schemas["FlagView"];

export function FlagsPanel() {
  const query = $api.useQuery("get", "/v1/flags", {});
  const [changed, setChanged] = useState<Flag["name"] | null>(null);
  return (
    <Section title={WORDS.tabs.flags}>
      <QueryStates query={query}>{(page) => <Flags flags={page.items} onChange={setChanged} />}</QueryStates>
      {changed !== null && <FlagDialog name={changed} onClose={() => setChanged(null)} />}
    </Section>
  );
}

/** Whom the feature is there for. */
export function audienceOf({ enabled, percent, projects }: Pick<Flag, "enabled" | "percent" | "projects">): string {
  if (!enabled) return WORDS.nobody;
  if (percent === 100) return WORDS.everybody;
  const parts = [percent > 0 && WORDS.percentOf(percent), projects.length > 0 && WORDS.projectsNamed(projects)];
  return parts.filter(Boolean).join(", ") || WORDS.nobody;
}

function Flags({ flags, onChange }: { flags: readonly Flag[]; onChange: (name: Flag["name"]) => void }) {
  const may = useMay();
  const columns = WORDS.flagColumns;
  const isAdmin = may("farm:admin");
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.now}</Table.Th>
            <Table.Th>{columns.for}</Table.Th>
            <Table.Th>{columns.changed}</Table.Th>
            {isAdmin && (
              <Table.Th>
                <VisuallyHidden>{WORDS.change}</VisuallyHidden>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {flags.map((flag) => (
            <Table.Tr key={flag.name}>
              <Table.Td maw={360}>
                <Text size="sm" fw={550}>
                  {flag.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {flag.turns}
                </Text>
              </Table.Td>
              <Table.Td>
                <Badge color={flag.enabled ? "green" : "gray"} variant="light">
                  {flag.enabled ? WORDS.on : WORDS.off}
                </Badge>
              </Table.Td>
              <Table.Td>
                {audienceOf(flag)}
                {flag.note !== "" && (
                  <Text size="xs" c="dimmed">
                    {flag.note}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                {flag.changed_by === null ? (
                  WORDS.byDefault
                ) : (
                  <Stack gap={0}>
                    <Text size="sm">{flag.changed_by}</Text>
                    {flag.changed_at !== null && <TimeAgo at={flag.changed_at} size="xs" c="dimmed" />}
                  </Stack>
                )}
              </Table.Td>
              {isAdmin && (
                <Table.Td>
                  <Group justify="flex-end">
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={WORDS.changeFlag(flag.name)}
                      onClick={() => onChange(flag.name)}
                    >
                      {WORDS.change} …
                    </Button>
                  </Group>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
