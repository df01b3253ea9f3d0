"use client";
// Every account, and what an administrator can change of it.
import { Badge, Button, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconBan, IconCheck, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { useMe } from "@/shared/api/me";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { useRefresh } from "@/shared/api/refresh";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { notifyUndo } from "@/shared/ui/notify-undo";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { AccountDialog } from "./account-dialog";

const WORDS = strings.people;
type Account = Schemas["AccountView"];

export function AccountsPanel() {
  const query = $api.useInfiniteQuery("get", "/v1/accounts", { params: { query: { limit: 100 } }, paged: true }, paged);
  const [changed, setChanged] = useState<string | null>(null);
  return (
    <Section title={WORDS.accounts} words={WORDS.accountsWords}>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={<Empty icon={<IconUsers aria-hidden />} title={WORDS.noAccounts} />}
      >
        {(data) => (
          <Stack>
            <AccountTable accounts={itemsOf<Account>(data)} onChange={setChanged} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      {changed !== null && <AccountDialog id={changed} onClose={() => setChanged(null)} />}
    </Section>
  );
}

interface AccountTableProps {
  accounts: readonly Account[];
  onChange: (id: string) => void;
}

function AccountTable({ accounts, onChange }: AccountTableProps) {
  const me = useMe();
  const columns = WORDS.columns;
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table aria-label={WORDS.accounts}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.kind}</Table.Th>
            <Table.Th>{columns.role}</Table.Th>
            <Table.Th>{columns.state}</Table.Th>
            <Table.Th>{columns.since}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{WORDS.change}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {accounts.map((account) => (
            <Table.Tr key={account.id}>
              <Table.Td>
                <Group gap="xs">
                  <Text size="sm" fw={600}>
                    {account.name}
                  </Text>
                  {account.id === me.data?.id && <Badge variant="default">{WORDS.you}</Badge>}
                </Group>
                <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  {account.email}
                </Text>
              </Table.Td>
              <Table.Td>{WORDS.kinds[account.kind]}</Table.Td>
              <Table.Td>
                {account.farm_role === null ? strings.access.noRole : strings.access.roles[account.farm_role]}
              </Table.Td>
              <Table.Td>
                <AccountState disabledAt={account.disabled_at} />
              </Table.Td>
              <Table.Td>
                <TimeAgo at={account.created_at} />
              </Table.Td>
              <Table.Td>
                <Group gap="xs" justify="flex-end" wrap="nowrap">
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={WORDS.changeOf(account.name)}
                    onClick={() => onChange(account.id)}
                  >
                    {WORDS.change} …
                  </Button>
                  {account.id !== me.data?.id && <DisableButton account={account} />}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function AccountState({ disabledAt }: { disabledAt: string | null }) {
  const Icon = disabledAt === null ? IconCheck : IconBan;
  return (
    <Badge color={disabledAt === null ? "green" : "red"} variant="light" leftSection={<Icon size={12} aria-hidden />}>
      {disabledAt === null ? WORDS.active : WORDS.disabled}
    </Badge>
  );
}

/** Nobody disables themselves here: there would be no way back. */
function DisableButton({ account }: { account: Account }) {
  const refresh = useRefresh();
  const isDisabled = account.disabled_at !== null;

  async function set(disabled: boolean) {
    await api.PATCH("/v1/accounts/{account_id}", { params: { path: { account_id: account.id } }, body: { disabled } });
    await refresh("/v1/accounts");
  }

  async function confirm() {
    await set(!isDisabled);
    if (isDisabled) notifyDone(WORDS.isEnabled(account.name));
    else notifyUndo(WORDS.isDisabled(account.name), WORDS.undo, () => void set(false).catch(notifyProblem));
  }

  return (
    <ConfirmButton
      size="xs"
      variant="subtle"
      color={isDisabled ? "iris" : "red"}
      words={isDisabled ? WORDS.enable : WORDS.disable}
      label={isDisabled ? WORDS.enableOf(account.name) : WORDS.disableOf(account.name)}
      question={`${isDisabled ? WORDS.enableOf(account.name) : WORDS.disableOf(account.name)}?`}
      consequence={isDisabled ? WORDS.enableWords : WORDS.disableWords}
      onConfirm={confirm}
    />
  );
}
