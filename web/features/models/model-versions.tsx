"use client";
// Models of the same name, newest first: each upload of a scene is a version of it.
import { Anchor, Badge, Button, Center, Code, Group, Stack, Table } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { $api, type Schemas } from "@/shared/api/client";
import { useProject, useProjectHeader } from "@/shared/api/project";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { ModelStateBadge } from "./model-state";

const PAGE = 100;

export function ModelVersions({ model }: { model: Schemas["ModelDetail"] }) {
  const project = useProject();
  const header = useProjectHeader();
  const query = $api.useInfiniteQuery(
    "get",
    "/v1/models",
    { params: { header, query: { name: model.name, sort: "-created_at", limit: PAGE } } },
    {
      pageParamName: "cursor",
      initialPageParam: null as string | null,
      getNextPageParam: (page: Schemas["Page_ModelView_"]) => page.next_cursor ?? null,
    },
  );
  return (
    <QueryStates query={query}>
      {({ pages }) => {
        // The list finds the name as a part of others too.
        const versions = pages.flatMap(({ items }) => items).filter(({ name }) => name === model.name);
        return (
          <Stack>
            <Table.ScrollContainer minWidth={420}>
              <Table aria-label={strings.models.tabs.versions}>
                <Table.Tbody>
                  {versions.map((version, index) => (
                    <Table.Tr key={version.id}>
                      <Table.Td>
                        <Group gap="xs">
                          <Anchor
                            component={Link}
                            href={`/projects/${encodeURIComponent(project)}/models/${version.id}/?tab=versions`}
                            aria-current={version.id === model.id ? "page" : undefined}
                            aria-label={strings.models.versionOf(version.digest.slice(0, 12))}
                          >
                            <Code>{version.digest.slice(0, 12)}</Code>
                          </Anchor>
                          {index === 0 && <Badge size="sm">{strings.models.newest}</Badge>}
                          {version.id === model.id && (
                            <Badge size="sm" variant="outline">
                              {strings.models.thisOne}
                            </Badge>
                          )}
                        </Group>
                      </Table.Td>
                      <Table.Td>
                        <ModelStateBadge state={version.state} />
                      </Table.Td>
                      <Table.Td>
                        <TimeAgo at={version.created_at} />
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
        );
      }}
    </QueryStates>
  );
}
