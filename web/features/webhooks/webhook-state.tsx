import { Badge } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconPlayerPause } from "@tabler/icons-react";
import { strings } from "@/strings/en";
import type { Webhook } from "./use-webhooks";

export function WebhookState({ webhook }: { webhook: Webhook }) {
  if (!webhook.enabled) {
    const isOwnWish = webhook.disabled_reason === null || webhook.disabled_reason === "user";
    return (
      <Badge
        color={isOwnWish ? "gray" : "red"}
        variant="light"
        leftSection={
          isOwnWish ? <IconPlayerPause size={12} aria-hidden /> : <IconAlertTriangle size={12} aria-hidden />
        }
      >
        {strings.webhooks.disabledBecause.user}
      </Badge>
    );
  }
  if (webhook.failing_since !== null) {
    return (
      <Badge color="orange" variant="light" leftSection={<IconAlertTriangle size={12} aria-hidden />}>
        {strings.webhooks.failing}
      </Badge>
    );
  }
  return (
    <Badge color="green" variant="light" leftSection={<IconCheck size={12} aria-hidden />}>
      {strings.webhooks.enabled}
    </Badge>
  );
}
