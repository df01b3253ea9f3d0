"use client";
// The audit log of a project or of the farm.
import { $api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { asQuery, type Filters } from "./filters";

export type AuditEntry = Schemas["AuditEntryView"];
export type AuditScope = { project: string } | "farm";

export function useAudit(scope: AuditScope, filters: Filters) {
  const isFarm = scope === "farm";
  const { project, ...rest } = asQuery(filters);
  const ofFarm = $api.useInfiniteQuery(
    "get",
    "/v1/audit",
    { params: { query: { ...rest, ...(project && { project }) } }, paged: true },
    { ...paged, enabled: isFarm },
  );
  const path = { slug: isFarm ? "" : scope.project };
  const ofProject = $api.useInfiniteQuery(
    "get",
    "/v1/projects/{slug}/audit",
    { params: { path, query: rest }, paged: true },
    { ...paged, enabled: !isFarm },
  );
  return isFarm ? ofFarm : ofProject;
}

/** Where the same entries are to be had as a file. */
export function exportPath(scope: AuditScope, filters: Filters, format: "csv" | "jsonl"): string {
  const { project, ...rest } = asQuery(filters);
  const query = new URLSearchParams({ ...rest, format });
  if (scope !== "farm") return `/v1/projects/${encodeURIComponent(scope.project)}/audit/export?${query}`;
  if (project !== undefined) query.set("project", project);
  return `/v1/audit/export?${query}`;
}
