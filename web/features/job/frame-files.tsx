"use client";
// The picture of a frame, or the live one while it renders, and its files to download.
import { Anchor, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { $api, type Schemas } from "@/shared/api/client";
import { useProject } from "@/shared/api/project";
import { formatBytes } from "@/shared/format/format";
import { ArtifactLink } from "@/shared/pictures/artifact-link";
import { linkOf } from "@/shared/pictures/picture-file";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import classes from "./frame-grid.module.css";
import { useFramePicture } from "./frame-picture";
import { useFrames, useJobParams, type JobDetail } from "./job-context";
import { useVersion } from "./store-version";

type FrameView = Schemas["FrameView"];
type Artifact = Schemas["ArtifactView"];

/** What browsers show by themselves. */
const SHOWN_TYPES = ["image/png", "image/jpeg", "image/webp", "image/avif"];

const words = strings.job.frame;

export function FrameFiles({ job, view }: { job: JobDetail; view: FrameView }) {
  const params = useJobParams(job.id);
  const hasPicture = view.state === "committed" || view.state === "reused";
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/artifacts", {
    params: { ...params, query: { frame: view.frame } },
  });
  if (!hasPicture && (query.data?.items.length ?? 0) === 0) return <LivePicture job={job} view={view} />;
  return (
    <QueryStates query={query}>
      {({ items }) => {
        const newest = newestOfEach(items);
        return (
          <Stack gap="sm">
            <FramePicture artifacts={newest} frame={view.frame} />
            <FileList artifacts={newest} />
          </Stack>
        );
      }}
    </QueryStates>
  );
}

/** A frame that was rendered again has several files of one name; the list is oldest first. */
export function newestOfEach(artifacts: readonly Artifact[]): Artifact[] {
  return [...new Map(artifacts.map((artifact) => [`${artifact.kind} ${artifact.name}`, artifact])).values()];
}

function FramePicture({ artifacts, frame }: { artifacts: readonly Artifact[]; frame: number }) {
  const shown =
    artifacts.find((one) => one.kind === "frame" && isShown(one)) ??
    artifacts.find((one) => one.kind === "preview" && isShown(one));
  if (shown?.url == null) {
    return (
      <Text size="sm" c="dimmed">
        {words.noPreview}
      </Text>
    );
  }
  return (
    // eslint-disable-next-line @next/next/no-img-element -- a signed link of the farm's storage
    <img
      src={linkOf(shown.url)}
      alt={words.picture(frame)}
      className={classes.picture}
      width={shown.width ?? undefined}
      height={shown.height ?? undefined}
    />
  );
}

function isShown(artifact: Artifact): boolean {
  return artifact.url !== null && SHOWN_TYPES.includes(artifact.media_type);
}

const EXR = "image/x-exr";

function FileList({ artifacts }: { artifacts: readonly Artifact[] }) {
  const project = useProject();
  return (
    <Stack gap={4}>
      <Title order={3} size="h5">
        {words.files}
      </Title>
      {artifacts.map((artifact) => (
        <Group key={artifact.id} justify="space-between" gap="xs" wrap="nowrap">
          {artifact.url == null ? (
            <Text size="sm" c="dimmed">
              {artifact.name} ({strings.job.outputs.expired})
            </Text>
          ) : (
            <ArtifactLink
              file={{ ...artifact, url: artifact.url }}
              size="sm"
              aria-label={words.downloadFile(artifact.name)}
            >
              <Group gap={6} wrap="nowrap" component="span">
                <IconDownload size={14} aria-hidden />
                {artifact.name}
              </Group>
            </ArtifactLink>
          )}
          {artifact.url != null && artifact.media_type === EXR && (
            <Anchor
              component={Link}
              size="sm"
              href={`/projects/${encodeURIComponent(project)}/jobs/${artifact.job}/exr/?artifact=${artifact.id}`}
            >
              {words.exr}
            </Anchor>
          )}
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {artifact.width == null ? "" : `${artifact.width} × ${artifact.height}, `}
            {formatBytes(artifact.size_bytes)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}

function LivePicture({ job, view }: { job: JobDetail; view: FrameView }) {
  const { progress } = useFrames();
  useVersion(progress);
  const preview = progress.of(view.ordinal)?.preview ?? view.progress?.preview ?? null;
  const stamp = view.state === "rendering" && preview !== null ? `live-${preview}` : null;
  const picture = useFramePicture(job.id, view.frame, stamp);
  if (picture.state === "loading") return <Skeleton height={220} />;
  if (picture.state === "there")
    // eslint-disable-next-line @next/next/no-img-element -- a blob, which no optimiser could read
    return <img src={picture.url} alt={words.picture(view.frame)} className={classes.picture} />;
  if (view.state === "failed" || view.state === "skipped" || view.state === "canceled") return null;
  return (
    <Stack gap={2}>
      <Text size="sm" fw={650}>
        {words.noPicture}
      </Text>
      <Text size="sm" c="dimmed">
        {words.noPictureWords}
      </Text>
    </Stack>
  );
}
