"use client";
// Machines that have failed jobs, and forgiving one for all jobs at once.
import { Anchor, Badge, Button, Group, Switch, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconBan, IconCheck } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@/shared/ui/link";
import { useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { ReadAgain } from "@/shared/ui/read-again";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { jobAddress } from "./job-address";
import { OnlyFirst } from "./only-first";
import { useAddress } from "@/shared/ui/use-address";

const WORDS = strings.farm;
const PATH = "/v1/blocklists";
const MOST = 500;

export function BlocklistsPage() {
  const { get, set } = useAddress();
  const [typed, setTyped] = useState(get("node") ?? "");
  const node = get("node") ?? "";
  const blocked = get("blocked") === "1";
  const query = $api.useQuery(
    "get",
    PATH,
    { params: { query: { blocked, limit: MOST, ...(node === "" ? {} : { node }) } } },
    { refetchOnWindowFocus: "always" },
  );
  return (
    <Page title={WORDS.blocklistsTitle} actions={<ReadAgain />}>
      <Text size="sm" c="dimmed">
        {WORDS.blocklistsWords}
      </Text>
      <Group align="flex-end">
        <TextInput
          label={WORDS.filterNode}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            set({ node: event.currentTarget.value.trim() || null });
          }}
          maxLength={255}
        />
        <Switch
          label={WORDS.onlyBlocked}
          checked={blocked}
          onChange={(event) => set({ blocked: event.currentTarget.checked ? "1" : null })}
          pb={8}
        />
      </Group>
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={<Empty icon={<IconCheck aria-hidden />} title={WORDS.noBlocks} words={WORDS.noBlocksWords} />}
      >
        {(page) => (
          <>
            <OnlyFirst shown={page.items.length} most={MOST} />
            <BlockTable blocks={page.items} />
          </>
        )}
      </QueryStates>
    </Page>
  );
}

function BlockTable({ blocks }: { blocks: readonly Schemas["FarmBlock"][] }) {
  const forget = useForget();
  const columns = WORDS.columns;
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.node}</Table.Th>
            <Table.Th>{columns.job}</Table.Th>
            <Table.Th>{columns.pipeline}</Table.Th>
            <Table.Th ta="right">{columns.failures}</Table.Th>
            <Table.Th>{columns.blocked}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{WORDS.forget}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {blocks.map((block) => (
            <Table.Tr key={`${block.job}/${block.node}/${block.pipeline}`}>
              <Table.Td>
                <Anchor
                  component={Link}
                  href={`/farm/workers/?tab=nodes&q=${encodeURIComponent(block.node)}`}
                  size="sm"
                >
                  {block.node}
                </Anchor>
              </Table.Td>
              <Table.Td>
                <Anchor component={Link} href={jobAddress(block.project, block.job)} size="sm">
                  {block.job_name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {block.project}
                </Text>
              </Table.Td>
              <Table.Td>{block.pipeline}</Table.Td>
              <Table.Td ta="right">{formatNumber(block.failures)}</Table.Td>
              <Table.Td>
                {block.blocked ? (
                  <Group gap="xs">
                    <Badge color="red" variant="light" leftSection={<IconBan size={12} aria-hidden />}>
                      {WORDS.yes}
                    </Badge>
                    {block.blocked_at != null && <TimeAgo at={block.blocked_at} size="xs" c="dimmed" />}
                  </Group>
                ) : (
                  WORDS.no
                )}
              </Table.Td>
              <Table.Td ta="right">
                <Button
                  size="xs"
                  variant="default"
                  aria-label={WORDS.forgetOf(block.node)}
                  onClick={() => confirmForget(block.node, forget)}
                >
                  {WORDS.forget} …
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function confirmForget(node: string, forget: (node: string) => Promise<void>): void {
  modals.openConfirmModal({
    title: WORDS.forgetOf(node),
    children: <Text size="sm">{WORDS.forgetWords(node)}</Text>,
    labels: { confirm: WORDS.forget, cancel: strings.shell.cancel },
    onConfirm: () => void forget(node),
  });
}

/** The API forgets a few hundred with each request; this asks until none is left. */
function useForget(): (node: string) => Promise<void> {
  const queries = useQueryClient();
  return async (node) => {
    try {
      let jobs = 0;
      let more = true;
      while (more) {
        const { data } = await api.POST("/v1/blocklists/reset", { body: { node } });
        jobs += data?.jobs ?? 0;
        more = data?.more ?? false;
      }
      notifyDone(WORDS.forgotten(node, jobs));
    } catch (error) {
      notifyProblem(error);
    }
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === PATH });
  };
}
