"use client";
// What the API allows, and the setting that changes each.
import { Code, Stack, Table } from "@mantine/core";
import { $api, type Schemas } from "@/shared/api/client";
import { formatBytes, formatDuration, formatNumber } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const WORDS = strings.farm;

export function LimitsPanel() {
  const query = $api.useQuery("get", "/v1/limits", {});
  return (
    <QueryStates query={query}>
      {(view) => (
        <Stack gap="md">
          <Section title={WORDS.rates}>
            <Rates rates={view.rates} />
          </Section>
          <Section title={WORDS.limits}>
            <Limits limits={view.limits} />
          </Section>
        </Stack>
      )}
    </QueryStates>
  );
}

function Rates({ rates }: { rates: readonly Schemas["RateView"][] }) {
  const columns = WORDS.rateColumns;
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.quota}</Table.Th>
            <Table.Th ta="right">{columns.left}</Table.Th>
            <Table.Th>{columns.setting}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rates.map((rate) => (
            <Table.Tr key={rate.rate_class}>
              <Table.Th scope="row">{rate.rate_class}</Table.Th>
              <Table.Td>{WORDS.perWindow(formatNumber(rate.quota), formatDuration(rate.window_s))}</Table.Td>
              <Table.Td ta="right">{rate.left === null ? "–" : formatNumber(rate.left)}</Table.Td>
              <Table.Td>
                <Code>{rate.setting}</Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Limits({ limits }: { limits: readonly Schemas["LimitView"][] }) {
  const columns = WORDS.limitColumns;
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th ta="right">{columns.limit}</Table.Th>
            <Table.Th ta="right">{columns.used}</Table.Th>
            <Table.Th>{columns.scope}</Table.Th>
            <Table.Th>{columns.setting}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {limits.map((limit) => (
            <Table.Tr key={`${limit.name}/${limit.scope}`}>
              <Table.Th scope="row">{limit.name}</Table.Th>
              <Table.Td ta="right">
                {limit.limit === null ? WORDS.unlimited : amountOf(limit.limit, limit.unit)}
              </Table.Td>
              <Table.Td ta="right">{limit.used == null ? "" : amountOf(limit.used, limit.unit)}</Table.Td>
              <Table.Td>{limit.scope}</Table.Td>
              <Table.Td>
                <Code>{limit.setting}</Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function amountOf(value: number, unit: string): string {
  if (unit === "bytes") return formatBytes(value);
  if (unit === "seconds") return formatDuration(value);
  return `${formatNumber(value, 2)} ${unit}`;
}
