"use client";
import { Badge, Code, Table, Text, VisuallyHidden } from "@mantine/core";
import { formatTime } from "@/shared/format/format";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { hasExpired } from "./expiry";
import type { Key } from "./use-keys";

interface KeyTableProps {
  keys: readonly Key[];
  /** Names of service accounts by their id. */
  services: ReadonlyMap<string, string>;
  onRevoke: (key: Key) => Promise<void>;
}

export function KeyTable({ keys, services, onRevoke }: KeyTableProps) {
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table aria-label={strings.keys.keys}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.keys.name}</Table.Th>
            <Table.Th>{strings.keys.prefix}</Table.Th>
            <Table.Th>{strings.keys.role}</Table.Th>
            <Table.Th>{strings.keys.expiry}</Table.Th>
            <Table.Th>{strings.keys.lastUsed}</Table.Th>
            <Table.Th>{strings.keys.createdBy}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{strings.keys.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <KeyRow key={key.id} of={key} services={services} onRevoke={onRevoke} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function KeyRow({ of: key, services, onRevoke }: { of: Key } & Pick<KeyTableProps, "services" | "onRevoke">) {
  const service = key.service_account === null ? undefined : services.get(key.service_account);
  const rights = key.scopes.map((right) => strings.access.permissions[right]).join(", ");
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600}>
          {key.name}
        </Text>
        {key.service_account !== null && (
          <Text size="xs" c="dimmed">
            {strings.keys.of} {service ?? key.service_account}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Code>{key.prefix}…</Code>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{key.role === null ? strings.access.noRole : strings.access.roles[key.role]}</Text>
        {rights !== "" && (
          <Text size="xs" c="dimmed">
            {rights}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Expiry at={key.expires_at} />
      </Table.Td>
      <Table.Td>
        {key.last_used_at === null ? (
          <Text size="sm" c="dimmed">
            {strings.keys.notUsed}
          </Text>
        ) : (
          <TimeAgo at={key.last_used_at} />
        )}
      </Table.Td>
      <Table.Td>
        <Text size="sm">{key.created_by}</Text>
        <Text size="xs" c="dimmed">
          {formatTime(key.created_at)}
        </Text>
      </Table.Td>
      <Table.Td ta="right">
        <ConfirmButton
          words={strings.keys.revoke}
          label={strings.keys.revokeLabel(key.name)}
          question={strings.keys.revokeQuestion(key.name)}
          consequence={strings.keys.revokeWords}
          onConfirm={() => onRevoke(key)}
          variant="light"
          color="red"
          size="xs"
        />
      </Table.Td>
    </Table.Tr>
  );
}

function Expiry({ at }: { at: string | null }) {
  if (at === null) {
    return <Text size="sm">{strings.keys.never}</Text>;
  }
  if (hasExpired(at)) {
    return (
      <Badge color="red" variant="light">
        {strings.keys.expired}
      </Badge>
    );
  }
  return <TimeAgo at={at} />;
}
