import { Table } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { formatBytes, formatMoney } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { money } from "./use-usage";

const DAY_S = 86_400;

interface StorageTableProps {
  items: readonly Schemas["StorageItem"][];
  currency: string | null;
}

export function StorageTable({ items, currency }: StorageTableProps) {
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table aria-label={strings.usage.storage}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.usage.day}</Table.Th>
            <Table.Th ta="right">{strings.usage.keptOnAverage}</Table.Th>
            <Table.Th ta="right">{strings.usage.sent}</Table.Th>
            {currency !== null && <Table.Th ta="right">{strings.usage.cost}</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.day}>
              <Table.Th scope="row" fw={500}>
                {item.day}
              </Table.Th>
              <Table.Td ta="right">{formatBytes(Math.round(Number(item.byte_seconds) / DAY_S))}</Table.Td>
              <Table.Td ta="right">{formatBytes(item.bytes_sent)}</Table.Td>
              {currency !== null && <Table.Td ta="right">{money(item.cost, currency, formatMoney)}</Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
