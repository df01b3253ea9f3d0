"use client";
// A new job: a model, what its pipeline may be told, and when and where it renders.
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay, useMe } from "@/shared/api/me";
import { useProject, useProjectHeader } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { JobForm } from "./job-form";

export function NewJobPage() {
  const project = useProject();
  const { clone, model, form, moveTo } = useFormAddress();
  const may = useMay();
  const me = useMe();
  const jobs = { title: strings.jobs.title, href: `/projects/${encodeURIComponent(project)}/jobs/` };
  return (
    <Page title={clone === null ? strings.submit.title : strings.submit.cloneTitle} path={[jobs]}>
      {me.data === undefined ? (
        <Loading />
      ) : may("project:render") ? (
        <Form key={form} project={project} clone={clone} model={model} onModel={moveTo} />
      ) : (
        <Empty title={strings.submit.mayNot} words={strings.submit.mayNotWords} />
      )}
    </Page>
  );
}

/** A link begins a form anew; one that moves to another model's address itself stays as it is, with its focus. */
function useFormAddress() {
  const address = useAddress();
  const clone = address.get("clone");
  const model = address.get("model");
  const here = `${clone ?? ""}/${model ?? ""}`;
  const [shown, setShown] = useState<{ here: string; form: number; next: string | null }>({
    here,
    form: 0,
    next: null,
  });
  if (shown.here !== here) setShown({ here, form: shown.form + (shown.next === here ? 0 : 1), next: null });
  const moveTo = (next: string) => {
    setShown({ ...shown, next: `/${next}` });
    address.set({ model: next });
  };
  return { clone, model, form: shown.form, moveTo };
}

interface FormProps {
  project: string;
  clone: string | null;
  model: string | null;
  onModel: (model: string) => void;
}

function Form({ project, clone, model, onModel }: FormProps) {
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
  if (clone === null) return <JobForm project={project} source={null} model={model} onModel={onModel} />;
  return (
    <QueryStates query={{ ...source, data: first ?? undefined }}>
      {(job) => <JobForm project={project} source={job} model={null} onModel={onModel} />}
    </QueryStates>
  );
}
