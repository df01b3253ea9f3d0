"use client";
// What was posted to a webhook, the newest first; the state that is looked at stands in the address.
import { Button, SegmentedControl, Stack, Table, VisuallyHidden } from "@mantine/core";
import { IconRefresh, IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { DeliveryRow } from "./delivery-row";
import { useDeliveries, useWebhookActions, type Delivery, type DeliveryState, type Webhook } from "./use-webhooks";

const STATES: readonly DeliveryState[] = ["queued", "done", "failed"];

export function DeliveryLog({ webhook }: { webhook: Webhook }) {
  const address = useAddress();
  const state = STATES.find((each) => each === address.get("state")) ?? null;
  const query = useDeliveries(webhook.id, state);
  const { lookAgain } = useWebhookActions();
  return (
    <Section
      title={strings.webhooks.log}
      words={strings.webhooks.logWords}
      actions={
        <>
          <SegmentedControl
            aria-label={strings.webhooks.state}
            size="xs"
            data={[
              { value: "all", label: strings.webhooks.allStates },
              ...STATES.map((each) => ({ value: each, label: strings.webhooks.states[each] })),
            ]}
            value={state ?? "all"}
            onChange={(chosen) => address.set({ state: chosen === "all" ? null : chosen })}
          />
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            loading={query.isRefetching}
            onClick={lookAgain}
          >
            {strings.webhooks.refresh}
          </Button>
        </>
      }
    >
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty
            icon={<IconSend aria-hidden />}
            title={state === null ? strings.webhooks.noDelivery : strings.webhooks.noneInState}
            words={state === null ? strings.webhooks.noDeliveryWords : undefined}
          />
        }
      >
        {(data) => (
          <Stack>
            <DeliveryTable webhook={webhook} deliveries={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

function DeliveryTable({ webhook, deliveries }: { webhook: Webhook; deliveries: readonly Delivery[] }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table aria-label={strings.webhooks.log}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={44}>
              <VisuallyHidden>{strings.webhooks.attempts}</VisuallyHidden>
            </Table.Th>
            <Table.Th>{strings.webhooks.event}</Table.Th>
            <Table.Th>{strings.webhooks.state}</Table.Th>
            <Table.Th>{strings.webhooks.attempts}</Table.Th>
            <Table.Th>{strings.webhooks.when}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{strings.webhooks.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {deliveries.map((delivery) => (
            <DeliveryRow
              key={delivery.id}
              webhook={webhook}
              delivery={delivery}
              isOpen={open === delivery.id}
              onToggle={() => setOpen(open === delivery.id ? null : delivery.id)}
            />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
