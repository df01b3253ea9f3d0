"use client";
import { $api } from "@/shared/api/client";
import { useProject, useProjectHeader, useSegments } from "@/shared/api/project";
import { JobStateBadge } from "@/shared/ui/job-state";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { Player } from "./player";

export function PlayerPage() {
  const project = useProject();
  const header = useProjectHeader();
  const id = useSegments()[3] ?? "";
  const query = $api.useQuery("get", "/v1/jobs/{job_id}", { params: { header, path: { job_id: id } } });
  return (
    <QueryStates query={query}>
      {(job) => (
        <Page
          title={strings.player.title(job.name)}
          badge={<JobStateBadge state={job.state} />}
          path={[
            { title: strings.jobs.title, href: `/projects/${project}/jobs/` },
            { title: job.name, href: `/projects/${project}/jobs/${job.id}/` },
          ]}
        >
          <Player job={job} />
        </Page>
      )}
    </QueryStates>
  );
}
