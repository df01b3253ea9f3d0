"use client";
// The job's files on their way to the project's bucket.
import { Badge, Button, Group, Stack, Table, Text, Title } from "@mantine/core";
import { $api, api } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { useRefresh } from "@/shared/api/refresh";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";

const COLORS = { queued: "gray", delivered: "green", failed: "red" } as const;

const words = strings.job.outputs;

export function Deliveries({ job }: { job: JobDetail }) {
  const params = useJobParams(job.id);
  const may = useMay();
  const refresh = useRefresh();
  const query = $api.useInfiniteQuery(
    "get",
    "/v1/jobs/{job_id}/deliveries",
    { params: { ...params, query: { limit: 100 } }, paged: true },
    paged,
  );
  const hasFailed = query.data !== undefined && itemsOf(query.data).some((one) => one.state === "failed");

  async function retry() {
    try {
      const { data } = await api.POST("/v1/jobs/{job_id}/deliveries/retry", { params });
      notifyDone(words.deliveriesRetried(data!.files));
      await refresh("/v1/jobs/{job_id}/deliveries");
    } catch (error) {
      notifyProblem(error);
    }
  }

  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {words.deliveries}
        </Title>
        {hasFailed && may("project:render") && (
          <Button size="xs" variant="default" onClick={() => void retry()}>
            {words.retryDeliveries}
          </Button>
        )}
      </Group>
      <QueryStates query={query} isEmpty={hasNoItems} empty={<Text c="dimmed">{words.noDeliveries}</Text>}>
        {(data) => (
          <Stack>
            <Table.ScrollContainer minWidth={640}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{words.name}</Table.Th>
                    <Table.Th>{words.state}</Table.Th>
                    <Table.Th>{words.object}</Table.Th>
                    <Table.Th>{words.attempts}</Table.Th>
                    <Table.Th>{words.made}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {itemsOf(data).map((one) => (
                    <Table.Tr key={`${one.kind} ${one.name}`}>
                      <Table.Td>{one.name}</Table.Td>
                      <Table.Td>
                        <Badge color={COLORS[one.state]} variant="light">
                          {words.deliveryStates[one.state]}
                        </Badge>
                        {one.error != null && one.state !== "delivered" && <Text size="xs">{one.error}</Text>}
                      </Table.Td>
                      <Table.Td style={{ overflowWrap: "anywhere" }}>{one.object ?? ""}</Table.Td>
                      <Table.Td>{one.attempts}</Table.Td>
                      <Table.Td>
                        <TimeAgo at={one.delivered_at ?? one.created_at} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
    </Stack>
  );
}
