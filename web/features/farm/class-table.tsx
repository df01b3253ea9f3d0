// The queue by class of priority.
import { Table, Text } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { formatDuration, formatNumber } from "@/shared/format/format";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const COLUMNS = strings.farm.columns;

export function ClassTable({ classes }: { classes: readonly Schemas["ClassQueue"][] }) {
  return (
    <Section title={strings.farm.classes}>
      {classes.length === 0 ? (
        <Text c="dimmed" size="sm">
          {strings.farm.queueEmpty}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={520}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{COLUMNS.priority}</Table.Th>
                <Table.Th ta="right">{COLUMNS.waiting}</Table.Th>
                <Table.Th ta="right">{COLUMNS.running}</Table.Th>
                <Table.Th ta="right">{COLUMNS.held}</Table.Th>
                <Table.Th ta="right">{COLUMNS.frames}</Table.Th>
                <Table.Th ta="right">{COLUMNS.oldest}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {classes.map((each) => (
                <Table.Tr key={each.priority}>
                  <Table.Th scope="row">{strings.farm.priorities[each.priority] ?? each.priority}</Table.Th>
                  <Table.Td ta="right">{formatNumber(each.waiting)}</Table.Td>
                  <Table.Td ta="right">{formatNumber(each.running)}</Table.Td>
                  <Table.Td ta="right">{formatNumber(each.held)}</Table.Td>
                  <Table.Td ta="right">{formatNumber(each.frames)}</Table.Td>
                  <Table.Td ta="right">{each.oldest_s == null ? "–" : formatDuration(each.oldest_s)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}
