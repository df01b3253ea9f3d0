"use client";
import { Anchor, Badge, Group, Table, Text } from "@mantine/core";
import { IconFlame } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import type { Schemas } from "@/shared/api/client";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { ModelStateBadge } from "./model-state";

type Model = Schemas["ModelView"];

export function ModelTable({ models, project }: { models: readonly Model[]; project: string }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table aria-label={strings.models.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.models.name}</Table.Th>
            <Table.Th>{strings.models.kind}</Table.Th>
            <Table.Th>{strings.models.state}</Table.Th>
            <Table.Th>{strings.models.created}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {models.map((model) => (
            <Table.Tr key={model.id}>
              <Table.Td>
                <Group gap="xs">
                  <Anchor
                    component={Link}
                    href={`/projects/${encodeURIComponent(project)}/models/${model.id}/`}
                    fw={600}
                  >
                    {model.name}
                  </Anchor>
                  {model.keep_warm && (
                    <Badge size="sm" variant="light" color="orange" leftSection={<IconFlame size={10} aria-hidden />}>
                      {strings.models.warm}
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed" ff="monospace">
                  {model.digest.slice(0, 8)}
                </Text>
              </Table.Td>
              <Table.Td>{kindName(model.kind)}</Table.Td>
              <Table.Td>
                <ModelStateBadge state={model.state} />
              </Table.Td>
              <Table.Td>
                <TimeAgo at={model.created_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export function kindName(kind: string): string {
  return (strings.models.kinds as Record<string, string>)[kind] ?? kind;
}
