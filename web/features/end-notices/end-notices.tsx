"use client";
// Listens, on every page, for the end of the jobs that somebody asked to be told of.
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { followShared } from "@/shared/live/shared-feed";
import { askedJobs, useAskedJobs } from "./asked-jobs";
import { tellIfEnded } from "./tell-end";

export function EndNotices() {
  const projects = new Set(useAskedJobs().map(({ project }) => project));
  return [...projects].map((project) => <EndsOfProject key={project} project={project} />);
}

function EndsOfProject({ project }: { project: string }) {
  const { push } = useRouter();
  useEffect(() => {
    function look(id?: string | null) {
      for (const job of askedJobs())
        if (job.project === project && (id === undefined || job.id === id)) void tellIfEnded(job, push);
    }
    return followShared({
      name: `project/${project}`,
      url: `/v1/projects/${encodeURIComponent(project)}/events`,
      onEvent: ({ kind, job }) => {
        if (kind === "job.state") look(job);
      },
      onState: (state) => {
        if (state === "live") look(); // what ended while nobody listened
      },
    });
  }, [project, push]);
  return null;
}
