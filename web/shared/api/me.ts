"use client";
// Who is signed in, and what they may do in the project of the page.
import { $api, type Schemas } from "./client";
import { projectHeader, useProjectOrNone } from "./project";

export type Permission = Schemas["Permission"];

/** `GET /v1/me` in the project of the address. */
export function useMe() {
  const slug = useProjectOrNone();
  const header = slug === null ? {} : projectHeader(slug);
  return $api.useQuery("get", "/v1/me", { params: { header } }, { staleTime: 60_000 });
}

/** A test of rights; everything is refused while they are not known. */
export function useMay(): (permission: Permission) => boolean {
  const { data } = useMe();
  return (permission) => data?.permissions.includes(permission) ?? false;
}
