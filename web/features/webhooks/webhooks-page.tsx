"use client";
import { Anchor, Button, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconWebhook } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { useState } from "react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { LoadMore } from "@/shared/ui/load-more";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { SigningSecret } from "./signing-secret";
import { nameOf, useWebhooks, type Webhook } from "./use-webhooks";
import { NewWebhook } from "./webhook-form";
import { WebhookState } from "./webhook-state";

export function WebhooksPage() {
  const query = useWebhooks();
  const [isCreating, creation] = useDisclosure(false);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Page
      title={strings.webhooks.title}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={creation.open}>
          {strings.webhooks.create}
        </Button>
      }
    >
      <Text c="dimmed" maw={640}>
        {strings.webhooks.words}
      </Text>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty icon={<IconWebhook aria-hidden />} title={strings.webhooks.none} words={strings.webhooks.noneWords} />
        }
      >
        {(data) => (
          <Stack>
            <WebhookTable webhooks={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <NewWebhook isOpen={isCreating} onClose={creation.close} onSecret={setSecret} />
      <SigningSecret secret={secret} onClose={() => setSecret(null)} />
    </Page>
  );
}

function WebhookTable({ webhooks }: { webhooks: readonly Webhook[] }) {
  const project = useProject();
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table aria-label={strings.webhooks.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.webhooks.listening}</Table.Th>
            <Table.Th>{strings.webhooks.format}</Table.Th>
            <Table.Th>{strings.webhooks.kindsField}</Table.Th>
            <Table.Th>{strings.webhooks.state}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {webhooks.map((webhook) => (
            <Table.Tr key={webhook.id}>
              <Table.Td>
                <Anchor
                  component={Link}
                  href={`/projects/${encodeURIComponent(project)}/webhooks/${webhook.id}/`}
                  size="sm"
                  fw={600}
                  style={{ overflowWrap: "anywhere" }}
                >
                  {nameOf(webhook)}
                </Anchor>
                {webhook.description !== "" && (
                  <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                    {webhook.url}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{strings.webhooks.formats[webhook.format]}</Table.Td>
              <Table.Td>
                {webhook.kinds.length === 0
                  ? strings.webhooks.everything
                  : strings.webhooks.kindCount(webhook.kinds.length)}
              </Table.Td>
              <Table.Td>
                <WebhookState webhook={webhook} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
