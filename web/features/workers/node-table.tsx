// The machines of the farm, one to a row.
import { Table, VisuallyHidden } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { WorkerMenu } from "./worker-menu";
import { NodeState } from "./worker-state";

const COLUMNS = strings.workers.columns;

export function NodeTable({ nodes }: { nodes: readonly Schemas["NodeView"][] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{COLUMNS.node}</Table.Th>
            <Table.Th>{COLUMNS.state}</Table.Th>
            <Table.Th ta="right">{COLUMNS.replicas}</Table.Th>
            <Table.Th ta="right">{COLUMNS.busy}</Table.Th>
            <Table.Th ta="right">{COLUMNS.draining}</Table.Th>
            <Table.Th ta="right">{COLUMNS.frames}</Table.Th>
            <Table.Th ta="right">{COLUMNS.failures}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{COLUMNS.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {nodes.map((node) => (
            <Table.Tr key={`${node.cluster}/${node.name}`}>
              <Table.Th scope="row">{node.name}</Table.Th>
              <Table.Td>
                <NodeState node={node} />
              </Table.Td>
              <Table.Td ta="right">{formatNumber(node.replicas.length)}</Table.Td>
              <Table.Td ta="right">{formatNumber(node.busy)}</Table.Td>
              <Table.Td ta="right">{formatNumber(node.draining)}</Table.Td>
              <Table.Td ta="right">{formatNumber(node.frames)}</Table.Td>
              <Table.Td ta="right">{formatNumber(node.failures)}</Table.Td>
              <Table.Td ta="right">
                <WorkerMenu
                  worker={{ kind: "node", id: node.name, name: node.name }}
                  isDisabled={node.disabled}
                  isDraining={node.draining > 0 && node.draining === node.replicas.length}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
