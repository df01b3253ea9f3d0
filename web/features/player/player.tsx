"use client";
// Plays a job: its frames as they are there, or the film that was made of them.
import { SegmentedControl, Stack } from "@mantine/core";
import { useContext, useMemo, Suspense } from "react";
import { FrameRange } from "@/features/job/frame-range";
import { FrameStates } from "@/features/job/frame-states";
import { FramesContext } from "@/features/job/job-context";
import { useFrameStates } from "@/features/job/use-frame-states";
import type { Schemas } from "@/shared/api/client";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Loading } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { Film } from "./film";
import { FramesPlayer } from "./frames-player";

type Job = Schemas["JobDetail"];

export function Player({ job }: { job: Job }) {
  return (
    <Suspense fallback={<Loading />}>
      <Switch job={job} />
    </Suspense>
  );
}

function Switch({ job }: { job: Job }) {
  const address = useAddress();
  const isFilm = address.get("show") === "film";
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label={strings.player.source}
        w="fit-content"
        size="xs"
        data={[
          { value: "frames", label: strings.player.frames },
          { value: "film", label: strings.player.film },
        ]}
        value={isFilm ? "film" : "frames"}
        onChange={(show) => address.set({ show: show === "film" ? show : null })}
      />
      {isFilm ? <Film job={job} /> : <Frames job={job} />}
    </Stack>
  );
}

/** On a job's page the states of its frames are there already. */
function Frames({ job }: { job: Job }) {
  const shared = useContext(FramesContext);
  if (shared !== null) return <FramesPlayer job={job} range={shared.range} states={shared.states} />;
  return <OwnFrames job={job} />;
}

function OwnFrames({ job }: { job: Job }) {
  const range = useMemo(() => FrameRange.parse(job.frames), [job.frames]);
  const states = useMemo(() => new FrameStates(range?.size ?? 0), [range]);
  const { error, isPending, refetch } = useFrameStates(job.id, states);
  if (error !== null && !states.isRead) return <ProblemBox error={error} onRetry={() => void refetch()} />;
  if (isPending || range === null) return <Loading />;
  return <FramesPlayer job={job} range={range} states={states} />;
}
