// What each pool has: replicas by what they do, and how many the last plan could use.
import { Anchor, Table, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const COLUMNS = strings.farm.columns;
const COUNTS = ["replicas", "accepting", "busy", "draining", "disabled"] as const;

export function PoolTable({ pools }: { pools: readonly Schemas["PoolQueue"][] }) {
  return (
    <Section title={strings.farm.pools}>
      {pools.length === 0 ? (
        <Text c="dimmed" size="sm">
          {strings.farm.noPools}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{COLUMNS.pool}</Table.Th>
                {COUNTS.map((count) => (
                  <Table.Th key={count} ta="right">
                    {COLUMNS[count]}
                  </Table.Th>
                ))}
                <Table.Th ta="right">{COLUMNS.wanted}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {pools.map((pool) => (
                <Table.Tr key={`${pool.cluster}/${pool.name}`}>
                  <Table.Td>
                    <Anchor component={Link} href={`/farm/workers/?q=${encodeURIComponent(pool.name)}`} size="sm">
                      {pool.name}
                    </Anchor>
                  </Table.Td>
                  {COUNTS.map((count) => (
                    <Table.Td key={count} ta="right">
                      {formatNumber(pool[count])}
                    </Table.Td>
                  ))}
                  <Table.Td ta="right">{pool.desired === null ? "–" : formatNumber(pool.desired)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}
