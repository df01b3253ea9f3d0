"use client";
import { Anchor, Button, Center, Progress, Stack, Table, Text } from "@mantine/core";
import { IconMovie } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { $api, type Schemas } from "@/shared/api/client";
import { useProject, useProjectHeader } from "@/shared/api/project";
import { formatPercent } from "@/shared/format/format";
import { JobStateBadge } from "@/shared/ui/job-state";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";

const PAGE = 25;

export function ModelJobs({ model }: { model: Schemas["ModelDetail"] }) {
  const project = useProject();
  const header = useProjectHeader();
  const query = $api.useInfiniteQuery(
    "get",
    "/v1/jobs",
    { params: { header, query: { model: model.id, limit: PAGE } } },
    {
      pageParamName: "cursor",
      initialPageParam: null as string | null,
      getNextPageParam: (page: Schemas["Page_JobView_"]) => page.next_cursor ?? null,
    },
  );
  return (
    <QueryStates
      query={query}
      isEmpty={({ pages }) => pages.every(({ items }) => items.length === 0)}
      empty={<Empty icon={<IconMovie size={32} stroke={1.5} aria-hidden />} title={strings.models.noJobs} />}
    >
      {({ pages }) => (
        <Stack>
          <Table.ScrollContainer minWidth={520}>
            <Table aria-label={strings.models.tabs.jobs}>
              <Table.Tbody>
                {pages
                  .flatMap(({ items }) => items)
                  .map((job) => (
                    <Table.Tr key={job.id}>
                      <Table.Td>
                        <Anchor
                          component={Link}
                          href={`/projects/${encodeURIComponent(project)}/jobs/${job.id}/`}
                          fw={600}
                        >
                          {job.name}
                        </Anchor>
                      </Table.Td>
                      <Table.Td>
                        <JobStateBadge state={job.state} />
                      </Table.Td>
                      <Table.Td miw={120}>
                        <Progress
                          value={job.progress * 100}
                          size="sm"
                          aria-label={strings.models.progressOf(job.name)}
                        />
                        <Text size="xs" c="dimmed">
                          {formatPercent(job.progress)}
                        </Text>
                      </Table.Td>
                      <Table.Td>
                        <TimeAgo at={job.created_at} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {query.hasNextPage && (
            <Center>
              <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {strings.models.more}
              </Button>
            </Center>
          )}
        </Stack>
      )}
    </QueryStates>
  );
}
