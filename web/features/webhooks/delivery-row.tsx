"use client";
// One delivery, and below it each attempt with what was answered.
import { ActionIcon, Anchor, Badge, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { IconCheck, IconChevronDown, IconChevronRight, IconClock, IconX } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { useState } from "react";
import { useProject } from "@/shared/api/project";
import { formatDuration, formatTime } from "@/shared/format/format";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useWebhookActions, type Delivery, type DeliveryState, type Webhook } from "./use-webhooks";

const COLUMNS = 6;
const LOOKS: Record<DeliveryState, { color: string; icon: typeof IconCheck }> = {
  queued: { color: "gray", icon: IconClock },
  done: { color: "green", icon: IconCheck },
  failed: { color: "red", icon: IconX },
};

interface DeliveryRowProps {
  webhook: Webhook;
  delivery: Delivery;
  isOpen: boolean;
  onToggle: () => void;
}

export function DeliveryRow({ webhook, delivery, isOpen, onToggle }: DeliveryRowProps) {
  const { color, icon: Icon } = LOOKS[delivery.state];
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  const when = formatTime(delivery.created_at);
  return (
    <>
      <Table.Tr>
        <Table.Td>
          <ActionIcon
            aria-label={strings.webhooks.showAttempts(delivery.type, when)}
            aria-expanded={isOpen}
            onClick={onToggle}
          >
            <Chevron size={16} aria-hidden />
          </ActionIcon>
        </Table.Td>
        <Table.Td>
          <Code>{delivery.type}</Code>
          <About delivery={delivery} />
        </Table.Td>
        <Table.Td>
          <Badge color={color} variant="light" leftSection={<Icon size={12} aria-hidden />}>
            {strings.webhooks.states[delivery.state]}
          </Badge>
          {delivery.error !== null && delivery.state !== "done" && (
            <Text size="xs" c="dimmed" maw={260} style={{ overflowWrap: "anywhere" }}>
              {delivery.error}
            </Text>
          )}
        </Table.Td>
        <Table.Td>{delivery.attempts.length}</Table.Td>
        <Table.Td>
          <TimeAgo at={delivery.created_at} />
        </Table.Td>
        <Table.Td ta="right">
          {webhook.enabled && delivery.state !== "queued" && (
            <RedeliverButton webhook={webhook} delivery={delivery} when={when} />
          )}
        </Table.Td>
      </Table.Tr>
      {isOpen && (
        <Table.Tr style={{ background: "var(--mantine-color-default-hover)" }}>
          <Table.Td colSpan={COLUMNS}>
            <Attempts delivery={delivery} />
          </Table.Td>
        </Table.Tr>
      )}
    </>
  );
}

function About({ delivery }: { delivery: Delivery }) {
  const project = `/projects/${encodeURIComponent(useProject())}`;
  if (delivery.job !== null) {
    return (
      <Anchor component={Link} href={`${project}/jobs/${delivery.job}/`} size="xs" display="block" underline="always">
        {strings.webhooks.job} {delivery.job.slice(0, 8)}
      </Anchor>
    );
  }
  if (delivery.model === null) return null;
  return (
    <Anchor component={Link} href={`${project}/models/${delivery.model}/`} size="xs" display="block" underline="always">
      {strings.webhooks.model} {delivery.model.slice(0, 8)}
    </Anchor>
  );
}

function Attempts({ delivery }: { delivery: Delivery }) {
  return (
    <Stack gap="xs" py={4}>
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {strings.webhooks.messageId}: {delivery.message_id}
        {delivery.state === "queued" && delivery.next_attempt_at !== null && (
          <> · {strings.webhooks.next(formatTime(delivery.next_attempt_at))}</>
        )}
      </Text>
      {delivery.attempts.length === 0 && <Text size="sm">{strings.webhooks.noAttempt}</Text>}
      {delivery.attempts.map((attempt) => (
        <div key={`${attempt.attempt}-${attempt.at}`}>
          <Group gap="sm">
            <Text size="sm" fw={600}>
              {strings.webhooks.attempt(attempt.attempt)}
            </Text>
            <Text size="sm">
              {attempt.status === null ? strings.webhooks.noAnswer : strings.webhooks.status(attempt.status)}
            </Text>
            <Text size="sm" c="dimmed">
              {formatTime(attempt.at)} · {formatDuration(attempt.duration_ms / 1000)}
            </Text>
          </Group>
          {attempt.error !== null && <Text size="sm">{attempt.error}</Text>}
          {attempt.answer !== "" && (
            <Code block mt={4} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {attempt.answer}
            </Code>
          )}
        </div>
      ))}
    </Stack>
  );
}

function RedeliverButton({ webhook, delivery, when }: { webhook: Webhook; delivery: Delivery; when: string }) {
  const { redeliver } = useWebhookActions();
  const [isBusy, setBusy] = useState(false);

  async function again() {
    setBusy(true);
    try {
      await redeliver(webhook.id, delivery.id);
      notifyDone(strings.webhooks.redelivered);
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
      aria-label={strings.webhooks.redeliverLabel(delivery.type, when)}
      onClick={() => void again()}
    >
      {strings.webhooks.redeliver}
    </Button>
  );
}
