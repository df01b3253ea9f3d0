// The replicas of the farm, one to a row.
import { Anchor, Table, Text, VisuallyHidden } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { Schemas } from "@/shared/api/client";
import { formatBytes, formatNumber } from "@/shared/format/format";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { CurrentWork } from "./current-work";
import { WorkerMenu } from "./worker-menu";
import { ReplicaState } from "./worker-state";
import { replicaName } from "./worker-names";

const WORDS = strings.workers;
const COLUMNS = WORDS.columns;

export function ReplicaTable({ replicas }: { replicas: readonly Schemas["ReplicaView"][] }) {
  return (
    <Table.ScrollContainer minWidth={980}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{COLUMNS.replica}</Table.Th>
            <Table.Th>{COLUMNS.pool}</Table.Th>
            <Table.Th>{COLUMNS.state}</Table.Th>
            <Table.Th>{COLUMNS.now}</Table.Th>
            <Table.Th>{COLUMNS.loaded}</Table.Th>
            <Table.Th ta="right">{COLUMNS.frames}</Table.Th>
            <Table.Th ta="right">{COLUMNS.failures}</Table.Th>
            <Table.Th>{COLUMNS.beat}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{COLUMNS.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {replicas.map((replica) => (
            <Table.Tr key={replica.id}>
              <Table.Td>
                <Anchor component={Link} href={`/farm/workers/${replica.id}/`} size="sm">
                  {replicaName(replica)}
                </Anchor>
              </Table.Td>
              <Table.Td>
                <Text size="sm">{replica.pool}</Text>
                <Text size="xs" c="dimmed">
                  {replica.device_class}
                </Text>
              </Table.Td>
              <Table.Td>
                <ReplicaState replica={replica} />
              </Table.Td>
              <Table.Td>
                <CurrentWork current={replica.current} />
              </Table.Td>
              <Table.Td>
                <Loaded residents={replica.residents} />
              </Table.Td>
              <Table.Td ta="right">{formatNumber(replica.frames)}</Table.Td>
              <Table.Td ta="right">{formatNumber(replica.failures)}</Table.Td>
              <Table.Td>
                <TimeAgo at={replica.beat_at} />
              </Table.Td>
              <Table.Td ta="right">
                <WorkerMenu
                  worker={{ kind: "replica", id: replica.id, name: replicaName(replica) }}
                  isDisabled={replica.disabled}
                  isDraining={replica.draining}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Loaded({ residents }: { residents: readonly Schemas["Resident"][] }) {
  const bytes = residents.reduce((sum, resident) => sum + (resident.vram_bytes ?? resident.size_bytes), 0);
  return (
    <Text size="sm" c={residents.length === 0 ? "dimmed" : undefined}>
      {residents.length === 0 ? WORDS.nothingLoaded : WORDS.scenes(residents.length, formatBytes(bytes))}
    </Text>
  );
}
