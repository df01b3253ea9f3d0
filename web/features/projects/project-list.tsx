"use client";
import { Anchor, Stack, Table, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFolders, IconSearch } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { formatNumber } from "@/shared/format/format";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";

const WORDS = strings.projects;
const PAUSE_MS = 250;

export function ProjectList() {
  const [typed, setTyped] = useState("");
  const [name] = useDebouncedValue(typed.trim(), PAUSE_MS);
  const query = $api.useInfiniteQuery(
    "get",
    "/v1/projects",
    { params: { query: { limit: 100, ...(name === "" ? {} : { name }) } }, paged: true },
    paged,
  );
  return (
    <Stack>
      <TextInput
        aria-label={WORDS.find}
        placeholder={WORDS.find}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        maw={420}
        type="search"
      />
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty
            icon={<IconFolders aria-hidden />}
            title={name === "" ? WORDS.none : WORDS.noneFound}
            words={name === "" ? WORDS.noneWords : undefined}
          />
        }
      >
        {(data) => (
          <Stack>
            <Projects projects={itemsOf<Schemas["ProjectView"]>(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
    </Stack>
  );
}

function Projects({ projects }: { projects: readonly Schemas["ProjectView"][] }) {
  const columns = WORDS.columns;
  return (
    <Table.ScrollContainer minWidth={520}>
      <Table aria-label={WORDS.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.slug}</Table.Th>
            <Table.Th ta="right">{columns.weight}</Table.Th>
            <Table.Th>{columns.created}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {projects.map((project) => (
            <Table.Tr key={project.id}>
              <Table.Td>
                <Anchor component={Link} href={`/farm/projects/${encodeURIComponent(project.slug)}/`} size="sm">
                  {project.name}
                </Anchor>
              </Table.Td>
              <Table.Td>{project.slug}</Table.Td>
              <Table.Td ta="right">{formatNumber(project.weight)}</Table.Td>
              <Table.Td>
                <TimeAgo at={project.created_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
