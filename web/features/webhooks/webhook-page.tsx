"use client";
// One webhook: what it is told, how it fares, what can be done, and what was posted.
import { Alert, Badge, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useProject, useSegments } from "@/shared/api/project";
import { formatTime } from "@/shared/format/format";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { DeliveryLog } from "./delivery-log";
import { nameOf, useWebhook, type Webhook } from "./use-webhooks";
import { WebhookActions } from "./webhook-actions";
import { WebhookState } from "./webhook-state";

export function WebhookPage() {
  const id = useSegments()[3] ?? "";
  const project = useProject();
  const query = useWebhook(id);
  const path = [{ title: strings.webhooks.title, href: `/projects/${encodeURIComponent(project)}/webhooks/` }];
  return (
    <QueryStates query={query}>
      {({ value: webhook, tag }) => (
        <Page
          title={nameOf(webhook)}
          path={path}
          badge={<WebhookState webhook={webhook} />}
          actions={<WebhookActions webhook={webhook} tag={tag} />}
        >
          <About webhook={webhook} />
          <DeliveryLog webhook={webhook} />
        </Page>
      )}
    </QueryStates>
  );
}

function About({ webhook }: { webhook: Webhook }) {
  return (
    <Stack gap="sm">
      {!webhook.enabled && webhook.disabled_reason !== null && webhook.disabled_reason !== "user" && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />}>
          {strings.webhooks.disabledBecause[webhook.disabled_reason]}
        </Alert>
      )}
      {webhook.enabled && webhook.failing_since !== null && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
          {strings.webhooks.failingSince(formatTime(webhook.failing_since))}
        </Alert>
      )}
      {webhook.previous_secret_until !== null && (
        <Alert color="blue" icon={<IconInfoCircle aria-hidden />}>
          {strings.webhooks.oldSecretUntil(formatTime(webhook.previous_secret_until))}
        </Alert>
      )}
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {strings.webhooks.formats[webhook.format]} · {webhook.url}
      </Text>
      <Group gap={6}>
        <Text size="sm">{strings.webhooks.kindsField}</Text>
        {(webhook.kinds.length === 0 ? [strings.webhooks.everything] : webhook.kinds).map((kind) => (
          <Badge key={kind} variant="default" tt="none" fw={500}>
            {kind}
          </Badge>
        ))}
      </Group>
      <Text size="xs" c="dimmed">
        {strings.webhooks.createdBy} {webhook.created_by}, {formatTime(webhook.created_at)}
      </Text>
    </Stack>
  );
}
