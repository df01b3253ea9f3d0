"use client";
import { ActionIcon, Badge, Button, Code, Group, Menu, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { formatAgo, formatTime } from "@/shared/format/format";
import { ConfirmDialog } from "@/shared/ui/confirm-button";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { EditDestination, ReplaceKey } from "./destination-forms";
import { useDestinationActions, type Destination } from "./use-destinations";

const words = strings.destinations;

export function DestinationTable({ destinations }: { destinations: readonly Destination[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table aria-label={words.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.name}</Table.Th>
            <Table.Th>{words.where}</Table.Th>
            <Table.Th>{words.key}</Table.Th>
            <Table.Th>{words.state}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{words.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {destinations.map((destination) => (
            <DestinationRow key={destination.id} destination={destination} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function DestinationRow({ destination }: { destination: Destination }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          <Text size="sm" fw={600}>
            {destination.name}
          </Text>
          {destination.is_default && <Badge variant="light">{words.default}</Badge>}
        </Group>
      </Table.Td>
      <Table.Td>
        <Code style={{ overflowWrap: "anywhere" }}>
          {destination.bucket}/{destination.prefix}
        </Code>
        <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {destination.endpoint_url ?? words.aws} · {destination.region}
        </Text>
      </Table.Td>
      <Table.Td>
        <Code>{destination.access_key_id}</Code>
      </Table.Td>
      <Table.Td>
        <DestinationState destination={destination} />
      </Table.Td>
      <Table.Td>
        <Group gap="xs" justify="flex-end" wrap="nowrap">
          <TestButton destination={destination} />
          <DestinationMenu destination={destination} />
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function DestinationState({ destination }: { destination: Destination }) {
  if (destination.failing_since === null) {
    return (
      <Badge color="green" variant="light" leftSection={<IconCheck size={12} aria-hidden />}>
        {words.works}
      </Badge>
    );
  }
  return (
    <>
      <Badge color="red" variant="light" leftSection={<IconAlertTriangle size={12} aria-hidden />}>
        {words.failing}
      </Badge>
      <Text size="xs" maw={280} style={{ overflowWrap: "anywhere" }}>
        {destination.error}
      </Text>
      <Text size="xs" c="dimmed">
        {words.failingSince(formatTime(destination.failing_since))}
        {destination.next_attempt_at !== null && ` · ${words.nextAttempt(formatAgo(destination.next_attempt_at))}`}
      </Text>
    </>
  );
}

function TestButton({ destination }: { destination: Destination }) {
  const { test } = useDestinationActions();
  const [isBusy, setBusy] = useState(false);

  async function tryIt() {
    setBusy(true);
    try {
      const { key, deleted } = await test(destination.id);
      notifyDone(deleted ? words.tested(key) : words.testedKept(key));
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button
      size="xs"
      variant="default"
      loading={isBusy}
      aria-label={words.testLabel(destination.name)}
      onClick={() => void tryIt()}
    >
      {words.test}
    </Button>
  );
}

function DestinationMenu({ destination }: { destination: Destination }) {
  const { change, remove } = useDestinationActions();
  const [open, setOpen] = useState<"edit" | "key" | "delete" | null>(null);
  const close = () => setOpen(null);

  async function toggleDefault() {
    try {
      await change(destination.id, null, { is_default: !destination.is_default });
      notifyDone(destination.is_default ? words.noDefaultNow : words.isDefaultNow(destination.name));
    } catch (error) {
      notifyProblem(error);
    }
  }

  return (
    <>
      <Menu position="bottom-end" keepMounted={false}>
        <Menu.Target>
          <ActionIcon aria-label={words.actionsOf(destination.name)}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setOpen("edit")}>{words.edit}</Menu.Item>
          <Menu.Item onClick={() => setOpen("key")}>{words.changeKey}</Menu.Item>
          <Menu.Item onClick={() => void toggleDefault()}>
            {destination.is_default ? words.endDefault : words.makeDefault}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" onClick={() => setOpen("delete")}>
            {words.delete}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {open === "edit" && <EditDestination destination={destination} onClose={close} />}
      {open === "key" && <ReplaceKey destination={destination} onClose={close} />}
      <ConfirmDialog
        isOpen={open === "delete"}
        words={words.delete}
        question={words.deleteQuestion(destination.name)}
        consequence={words.deleteWords}
        onConfirm={async () => {
          await remove(destination.id);
          notifyDone(words.deleted(destination.name));
        }}
        onClose={close}
      />
    </>
  );
}
