"use client";
// Entries of the audit log, newest first; each opens to what it was before and after.
import { ActionIcon, Code, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { formatTime } from "@/shared/format/format";
import { DiffView } from "@/shared/ui/diff-view";
import { strings } from "@/strings/en";
import type { AuditEntry } from "./use-audit";

const COLUMNS = 5;

export function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());

  function toggle(id: number) {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }

  return (
    <Table.ScrollContainer minWidth={720}>
      <Table aria-label={strings.audit.entries}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={44}>
              <VisuallyHidden>{strings.audit.details}</VisuallyHidden>
            </Table.Th>
            <Table.Th>{strings.audit.when}</Table.Th>
            <Table.Th>{strings.audit.actor}</Table.Th>
            <Table.Th>{strings.audit.what}</Table.Th>
            <Table.Th>{strings.audit.thing}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry) => (
            <Fragment key={entry.id}>
              <EntryRow entry={entry} isOpen={open.has(entry.id)} onToggle={() => toggle(entry.id)} />
              {open.has(entry.id) && (
                <Table.Tr id={`entry-${entry.id}`} style={{ background: "var(--mantine-color-default-hover)" }}>
                  <Table.Td colSpan={COLUMNS}>
                    <EntryDetails entry={entry} />
                  </Table.Td>
                </Table.Tr>
              )}
            </Fragment>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

interface EntryRowProps {
  entry: AuditEntry;
  isOpen: boolean;
  onToggle: () => void;
}

function EntryRow({ entry, isOpen, onToggle }: EntryRowProps) {
  const Icon = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <Table.Tr>
      <Table.Td>
        <ActionIcon
          aria-label={strings.audit.show(entry.action, entry.resource_id ?? entry.resource_type)}
          aria-expanded={isOpen}
          aria-controls={isOpen ? `entry-${entry.id}` : undefined}
          onClick={onToggle}
        >
          <Icon size={16} aria-hidden />
        </ActionIcon>
      </Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        <Text component="time" dateTime={entry.at} size="sm">
          {formatTime(entry.at)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{entry.actor_name ?? strings.audit.actorKinds[entry.actor_kind]}</Text>
        {entry.actor_name !== null && (
          <Text size="xs" c="dimmed">
            {strings.audit.actorKinds[entry.actor_kind]}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Code>{entry.action}</Code>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{entry.resource_type}</Text>
        {entry.resource_id !== null && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {entry.resource_id}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function EntryDetails({ entry }: { entry: AuditEntry }) {
  const facts: [name: string, value: string | null][] = [
    [strings.audit.role, entry.actor_role],
    [strings.audit.address, entry.address],
    [strings.audit.userAgent, entry.user_agent],
    [strings.audit.request, entry.request_id],
    [strings.audit.seal, entry.seq === null ? strings.audit.notSealed : `${entry.seq} · ${entry.sha256 ?? ""}`],
  ];
  return (
    <Stack gap="sm" py="xs">
      <DiffView before={entry.before} after={entry.after} />
      <dl style={{ display: "grid", gridTemplateColumns: "max-content 1fr", gap: "4px 16px", margin: 0 }}>
        {facts.map(([name, value]) =>
          value === null ? null : (
            <Fragment key={name}>
              <Text component="dt" size="xs" c="dimmed">
                {name}
              </Text>
              <Text component="dd" size="xs" m={0} style={{ overflowWrap: "anywhere" }}>
                {value}
              </Text>
            </Fragment>
          ),
        )}
      </dl>
    </Stack>
  );
}
