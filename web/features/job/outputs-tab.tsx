"use client";
// Every file of the job: films on top, then the list, and where they go in the project's bucket.
import { Badge, Group, NumberInput, Select, Stack, Table, Text } from "@mantine/core";
import { IconDownload, IconFiles } from "@tabler/icons-react";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { formatBytes } from "@/shared/format/format";
import { ArtifactLink } from "@/shared/pictures/artifact-link";
import { useSteadyLink } from "@/shared/pictures/use-steady-link";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { Deliveries } from "./deliveries";
import classes from "./frame-grid.module.css";
import { useJobParams, type JobDetail } from "./job-context";

type Artifact = Schemas["ArtifactView"];
type Kind = Schemas["ArtifactKind"];

const KINDS: readonly Kind[] = ["frame", "extra", "preview", "video", "video_preview", "log"];

const words = strings.job.outputs;

export function OutputsTab({ job }: { job: JobDetail }) {
  return (
    <Stack gap="lg">
      <Films job={job} />
      <Files job={job} />
      {job.destination != null && <Deliveries job={job} />}
    </Stack>
  );
}

function Films({ job }: { job: JobDetail }) {
  const params = useJobParams(job.id);
  const { data } = $api.useQuery("get", "/v1/jobs/{job_id}/artifacts", {
    params: { ...params, query: { kind: ["video", "video_preview"] as Kind[] } },
  });
  const films = data?.items.filter((film) => film.url != null) ?? [];
  // Browsers play the small one; the newest is last.
  const film = films.findLast((one) => one.kind === "video_preview") ?? films.findLast((one) => one.kind === "video");
  if (film?.url == null) return null;
  return <Film id={film.id} url={film.url} />;
}

function Film({ id, url }: { id: string; url: string }) {
  const { link, end } = useSteadyLink(id, url);
  return (
    <video
      src={link}
      controls
      preload="metadata"
      className={classes.picture}
      aria-label={words.film}
      onError={end} // the next answer's link is taken
    />
  );
}

function Files({ job }: { job: JobDetail }) {
  const params = useJobParams(job.id);
  const [kind, setKind] = useState<Kind | null>(null);
  const [frame, setFrame] = useState<number | null>(null);
  const query = $api.useInfiniteQuery(
    "get",
    "/v1/jobs/{job_id}/artifacts",
    {
      params: {
        ...params,
        query: { ...(kind === null ? {} : { kind: [kind] }), ...(frame === null ? {} : { frame }), limit: 100 },
      },
      paged: true,
    },
    paged,
  );
  return (
    <Stack gap="sm">
      <Group>
        <Select
          size="sm"
          label={words.filter}
          value={kind}
          placeholder={words.all}
          clearable
          data={KINDS.map((value) => ({ value, label: words.kinds[value] }))}
          onChange={(value) => setKind(value as Kind | null)}
        />
        <NumberInput
          size="sm"
          label={words.byFrame}
          hideControls
          allowDecimal={false}
          value={frame ?? ""}
          onChange={(value) => setFrame(value === "" ? null : Number(value))}
        />
      </Group>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={<Empty icon={<IconFiles aria-hidden />} title={words.none} words={words.noneWords} />}
      >
        {(data) => (
          <Stack>
            <Table.ScrollContainer minWidth={640}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{words.name}</Table.Th>
                    <Table.Th>{words.kind}</Table.Th>
                    <Table.Th>{words.frame}</Table.Th>
                    <Table.Th>{words.resolution}</Table.Th>
                    <Table.Th>{words.size}</Table.Th>
                    <Table.Th>{words.made}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {itemsOf(data).map((artifact) => (
                    <FileRow key={artifact.id} artifact={artifact} />
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

function FileRow({ artifact }: { artifact: Artifact }) {
  return (
    <Table.Tr>
      <Table.Td>
        {artifact.url == null ? (
          <Group gap="xs">
            <Text size="sm">{artifact.path}</Text>
            <Badge color="gray" variant="light">
              {words.expired}
            </Badge>
          </Group>
        ) : (
          <ArtifactLink file={{ ...artifact, url: artifact.url }} size="sm" aria-label={words.download(artifact.name)}>
            <Group gap={6} wrap="nowrap" component="span">
              <IconDownload size={14} aria-hidden />
              {artifact.path}
            </Group>
          </ArtifactLink>
        )}
      </Table.Td>
      <Table.Td>{words.kindOf[artifact.kind]}</Table.Td>
      <Table.Td>{artifact.frame ?? ""}</Table.Td>
      <Table.Td>{artifact.width == null ? "" : `${artifact.width} × ${artifact.height}`}</Table.Td>
      <Table.Td>{formatBytes(artifact.size_bytes)}</Table.Td>
      <Table.Td>
        <TimeAgo at={artifact.created_at} />
      </Table.Td>
    </Table.Tr>
  );
}
