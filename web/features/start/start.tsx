"use client";
// The start: where somebody was last, or where their role is at home.
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { $api } from "@/shared/api/client";
import { useMay, useMe } from "@/shared/api/me";
import { useWorkingProject } from "@/shared/shell/project-switcher";
import { Empty, Loading } from "@/shared/ui/query-states";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";

export function Start() {
  const router = useRouter();
  const me = useMe();
  const may = useMay();
  const { slug: project, isKnown } = useWorkingProject();
  const projects = $api.useQuery("get", "/v1/projects", { params: { query: { limit: 50 } } });
  const target =
    project !== null ? `/projects/${encodeURIComponent(project)}/jobs/` : may("farm:operate") ? "/farm/" : null;

  useEffect(() => {
    if (target !== null && isKnown && me.data !== undefined) router.replace(target);
  }, [target, router, isKnown, me.data]);

  const failed = me.error ?? projects.error;
  if (failed !== null) {
    return <ProblemBox error={failed} onRetry={() => void Promise.all([me.refetch(), projects.refetch()])} />;
  }
  if (isKnown && me.data !== undefined && target === null) {
    return <Empty title={strings.shell.noProject} words={strings.shell.noProjectWords} />;
  }
  return <Loading />;
}
