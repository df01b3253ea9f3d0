"use client";
// The finished film, in the best file that this browser can play.
import { Center, Image, Stack, Text } from "@mantine/core";
import { IconMovie } from "@tabler/icons-react";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { ArtifactLink } from "@/shared/pictures/artifact-link";
import { linkOf, type Artifact } from "@/shared/pictures/picture-file";
import { useSteadyLink } from "@/shared/pictures/use-steady-link";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import classes from "./player.module.css";

const words = strings.player;

export function Film({ job }: { job: Schemas["JobDetail"] }) {
  const header = useProjectHeader();
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/artifacts", {
    params: { header, path: { job_id: job.id }, query: { kind: ["video", "video_preview"] } },
  });
  return (
    <QueryStates
      query={query}
      isEmpty={({ items }) => items.every(({ url }) => url === null)}
      empty={<Empty icon={<IconMovie aria-hidden />} title={words.noFilm} words={words.noFilmWords} />}
    >
      {({ items }) => <Screen name={job.name} files={items} onLinkEnded={() => void query.refetch()} />}
    </QueryStates>
  );
}

interface ScreenProps {
  name: string;
  files: readonly Artifact[];
  onLinkEnded: () => void;
}

function Screen({ name, files, onLinkEnded }: ScreenProps) {
  const [refused, setRefused] = useState<readonly string[]>([]);
  const there = files.flatMap((each) => (each.url === null ? [] : [{ ...each, url: each.url }]));
  const file = playable(there, refused);
  if (file?.url == null) {
    return (
      <Center className={classes.stage}>
        <Stack align="center" gap="xs">
          <Text c="white">{words.filmFails}</Text>
          {there.map((each) => (
            <ArtifactLink key={each.id} file={each} c="iris.3" underline="always">
              {words.filmDownload(each.name)}
            </ArtifactLink>
          ))}
        </Stack>
      </Center>
    );
  }
  const label = words.filmLabel(name);
  if (file.media_type.startsWith("image/")) {
    return <Image src={linkOf(file.url)} alt={label} fit="contain" className={classes.film} />;
  }
  return (
    <Playing
      key={file.id}
      id={file.id}
      url={file.url}
      label={label}
      onLinkEnded={onLinkEnded}
      onRefused={() => setRefused((before) => [...before, file.id])}
    />
  );
}

interface PlayingProps {
  id: string;
  url: string;
  label: string;
  onLinkEnded: () => void;
  onRefused: () => void;
}

function Playing({ id, url, label, onLinkEnded, onRefused }: PlayingProps) {
  const { link, end } = useSteadyLink(id, url);
  return (
    <video
      className={classes.film}
      src={link}
      aria-label={label}
      controls
      loop
      playsInline
      preload="metadata"
      onError={({ currentTarget }) => {
        if (currentTarget.error?.code !== MediaError.MEDIA_ERR_NETWORK) return onRefused();
        end();
        onLinkEnded();
      }}
    />
  );
}

/** The film before its light copy, where the browser says that it may play it; an animated picture at last. */
export function playable(files: readonly Artifact[], refused: readonly string[], can = canPlay): Artifact | null {
  const left = files.filter(({ id }) => !refused.includes(id));
  const films = left.filter((file) => file.media_type.startsWith("video/") && can(file.media_type));
  return (
    films.find(({ kind }) => kind === "video") ??
    films[0] ??
    left.find(({ media_type: type }) => type.startsWith("image/")) ??
    null
  );
}

function canPlay(mediaType: string): boolean {
  return document.createElement("video").canPlayType(mediaType) !== "";
}
