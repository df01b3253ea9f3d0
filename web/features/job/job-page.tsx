"use client";
// The page of one job, which an artist keeps open: how it stands, what to do with it, and its frames.
import { Suspense, useState } from "react";
import { useProject, useSegments } from "@/shared/api/project";
import { JobStateBadge } from "@/shared/ui/job-state";
import { Page } from "@/shared/ui/page";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { FrameProgress } from "./frame-progress";
import { FrameRange } from "./frame-range";
import { FrameSelection } from "./frame-selection";
import { FrameStates } from "./frame-states";
import { FramesContext, type JobDetail, type JobFrames } from "./job-context";
import { JobActions } from "./job-actions";
import { JobHeader } from "./job-header";
import { JobNotices } from "./job-notices";
import { JobTabs } from "./job-tabs";
import { useJob } from "./use-job";
import { useJobTitle } from "./use-job-title";

export function JobPage() {
  const id = useSegments()[3] ?? "";
  const query = useJob(id);
  return (
    <QueryStates query={query}>
      {(job) => (
        <Suspense fallback={<Loading />}>
          <JobOf key={job.id} job={job} />
        </Suspense>
      )}
    </QueryStates>
  );
}

function JobOf({ job }: { job: JobDetail }) {
  const project = useProject();
  const [frames] = useState(() => framesOf(job));
  useJobTitle(job);
  return (
    <Page
      title={job.name}
      path={[{ title: strings.jobs.title, href: `/projects/${project}/jobs/` }]}
      badge={<JobStateBadge state={job.state} />}
      actions={<JobActions job={job} />}
    >
      <JobNotices job={job} />
      <JobHeader job={job} />
      {frames === null ? (
        <Empty title={strings.job.grid.odd} words={strings.job.grid.oddWords(job.frames)} />
      ) : (
        <FramesContext value={frames}>
          <JobTabs job={job} />
        </FramesContext>
      )}
    </Page>
  );
}

function framesOf(job: JobDetail): JobFrames | null {
  const range = FrameRange.parse(job.frames);
  if (range === null) return null;
  return {
    range,
    states: new FrameStates(range.size),
    selection: new FrameSelection(range.size),
    progress: new FrameProgress(),
  };
}
