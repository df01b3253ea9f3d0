// Kinds of events that a webhook can be told of.
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

export type EventKind = Schemas["EventKind"];
export type WebhookFormat = Schemas["WebhookFormat"];

export const FORMATS: readonly WebhookFormat[] = ["standard", "slack", "discord", "teams", "mattermost"];

/** Those that there are words for in a chat; others are refused there (docs/api/webhooks.md). */
const CHAT_KINDS: readonly EventKind[] = [
  "job.state",
  "job.expiring",
  "job.expired",
  "output.failed",
  "delivery.failed",
  "budget.threshold",
  "credits.spent",
  "webhook.disabled",
];

/** A test is posted to every webhook; it need not be asked for. */
const ALL_KINDS = (Object.keys(strings.webhooks.kinds) as EventKind[]).filter((kind) => kind !== "webhook.ping");

export function kindsFor(format: WebhookFormat): readonly EventKind[] {
  return format === "standard" ? ALL_KINDS : CHAT_KINDS;
}
