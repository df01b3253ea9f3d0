"use client";
// A new job: a model, what its pipeline may be told, and when and where it renders.
import { useSearchParams } from "next/navigation";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay, useMe } from "@/shared/api/me";
import { useProject, useProjectHeader } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { JobForm } from "./job-form";
import { placeOfDraft } from "./kept-draft";

export function NewJobPage() {
  const project = useProject();
  const address = useSearchParams();
  const clone = address.get("clone");
  const may = useMay();
  const me = useMe();
  const jobs = { title: strings.jobs.title, href: `/projects/${encodeURIComponent(project)}/jobs/` };
  return (
    <Page title={clone === null ? strings.submit.title : strings.submit.cloneTitle} path={[jobs]}>
      {me.data === undefined ? (
        <Loading />
      ) : may("project:render") ? (
        <Form key={address.toString()} project={project} clone={clone} model={address.get("model")} />
      ) : (
        <Empty title={strings.submit.mayNot} words={strings.submit.mayNotWords} />
      )}
    </Page>
  );
}

interface FormProps {
  project: string;
  clone: string | null;
  model: string | null;
}

function Form({ project, clone, model }: FormProps) {
  const header = useProjectHeader();
  const source = $api.useQuery(
    "get",
    "/v1/jobs/{job_id}",
    { params: { header, path: { job_id: clone ?? "" } } },
    { enabled: clone !== null },
  );
  // What the form begins with stays, however the job that is cloned goes on.
  const [first, setFirst] = useState<Schemas["JobDetail"] | null>(null);
  if (first === null && source.data !== undefined) setFirst(source.data as Schemas["JobDetail"]);
  const place = placeOfDraft(project, clone, model);
  if (clone === null) return <JobForm project={project} place={place} source={null} model={model} />;
  return (
    <QueryStates query={{ ...source, data: first ?? undefined }}>
      {(job) => <JobForm project={project} place={place} source={job} model={null} />}
    </QueryStates>
  );
}
