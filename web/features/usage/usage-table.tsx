"use client";
import { Anchor, Table, Tooltip } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { $api } from "@/shared/api/client";
import { projectHeader, useProject } from "@/shared/api/project";
import { formatBytes, formatDuration, formatMoney, formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { money, type UsageGroup, type UsageItem } from "./use-usage";

interface UsageTableProps {
  by: UsageGroup;
  items: readonly UsageItem[];
  currency: string | null;
}

export function UsageTable({ by, items, currency }: UsageTableProps) {
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table aria-label={strings.usage.used}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.usage[by]}</Table.Th>
            <Table.Th ta="right">{strings.usage.frames}</Table.Th>
            <Table.Th ta="right">{strings.usage.gpu}</Table.Th>
            <Table.Th ta="right">{strings.usage.cpu}</Table.Th>
            <Table.Th ta="right">{strings.usage.stored}</Table.Th>
            <Table.Th ta="right">
              <Tooltip label={strings.usage.wastedHint}>
                <span tabIndex={0}>{strings.usage.wasted}</span>
              </Tooltip>
            </Table.Th>
            {currency !== null && <Table.Th ta="right">{strings.usage.cost}</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.day ?? item.job ?? item.pool}>
              <Table.Th scope="row" fw={500}>
                <Subject by={by} item={item} />
              </Table.Th>
              <Table.Td ta="right">{formatNumber(item.frames)}</Table.Td>
              <Table.Td ta="right">{formatDuration(Number(item.gpu_seconds))}</Table.Td>
              <Table.Td ta="right">{formatDuration(Number(item.cpu_seconds))}</Table.Td>
              <Table.Td ta="right">{formatBytes(item.stored_bytes)}</Table.Td>
              <Table.Td ta="right">{formatDuration(Number(item.wasted_seconds))}</Table.Td>
              {currency !== null && <Table.Td ta="right">{money(item.cost, currency, formatMoney)}</Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Subject({ by, item }: { by: UsageGroup; item: UsageItem }) {
  if (by === "day") return item.day;
  if (by === "pool") return item.pool ?? strings.usage.noPool;
  return <JobLink id={item.job ?? ""} />;
}

/** By its name; by its id while that is not known, or where the job is gone. */
function JobLink({ id }: { id: string }) {
  const project = useProject();
  const params = { path: { job_id: id }, header: projectHeader(project) };
  const { data } = $api.useQuery("get", "/v1/jobs/{job_id}", { params }, { staleTime: Infinity, retry: false });
  return (
    <Anchor component={Link} href={`/projects/${encodeURIComponent(project)}/jobs/${id}/`} size="sm">
      {data?.name ?? id}
    </Anchor>
  );
}
