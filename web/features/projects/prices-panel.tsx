"use client";
// What things cost: the version that is valid, those before, and those to come.
import { Badge, Button, Group, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCoins } from "@tabler/icons-react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { formatTime } from "@/shared/format/format";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { PricesDialog } from "./prices-dialog";

const WORDS = strings.projects;
type PriceList = Schemas["PriceListView"];

export function PricesPanel() {
  const query = $api.useQuery("get", "/v1/prices", {});
  const may = useMay();
  const [isOpen, dialog] = useDisclosure(false);
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" maw={640}>
          {WORDS.pricesWords}
        </Text>
        {may("farm:admin") && query.data !== undefined && <Button onClick={dialog.open}>{WORDS.addPrices} …</Button>}
      </Group>
      <QueryStates
        query={query}
        isEmpty={(view) => view.versions.length === 0}
        empty={<Empty icon={<IconCoins aria-hidden />} title={WORDS.noPrices} words={WORDS.noPricesWords} />}
      >
        {(view) => (
          <Stack>
            {view.versions.map((list) => (
              <Version key={list.version} list={list} isNow={list.version === view.current?.version} />
            ))}
          </Stack>
        )}
      </QueryStates>
      {isOpen && <PricesDialog before={query.data?.versions[0] ?? null} onClose={dialog.close} />}
    </Stack>
  );
}

function Version({ list, isNow }: { list: PriceList; isNow: boolean }) {
  const words = [WORDS.validFrom(formatTime(list.valid_from)), WORDS.addedBy(list.created_by), list.note];
  return (
    <Section
      title={WORDS.version(list.version)}
      words={words.filter(Boolean).join(" · ")}
      badge={
        isNow && (
          <Badge color="green" variant="light">
            {WORDS.validNow}
          </Badge>
        )
      }
    >
      <Table.ScrollContainer minWidth={560}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{WORDS.pool}</Table.Th>
              <Table.Th ta="right">{WORDS.perGpuSecond}</Table.Th>
              <Table.Th ta="right">{WORDS.perCpuSecond}</Table.Th>
              <Table.Th ta="right">{WORDS.perByteMonth}</Table.Th>
              <Table.Th ta="right">{WORDS.perByteSent}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.prices.map((price) => (
              <Table.Tr key={price.pool}>
                <Table.Th scope="row">{price.pool === "*" ? WORDS.anyPool : price.pool}</Table.Th>
                <Price amount={price.gpu_second} currency={list.currency} />
                <Price amount={price.cpu_second} currency={list.currency} />
                <Price amount={price.byte_month} currency={list.currency} />
                <Price amount={price.byte_sent} currency={list.currency} />
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

/** Digits as they were set: a byte costs too little for an amount that is rounded. */
function Price({ amount, currency }: { amount: string | undefined; currency: string }) {
  return <Table.Td ta="right">{amount === undefined || amount === "0" ? "–" : `${amount} ${currency}`}</Table.Td>;
}
