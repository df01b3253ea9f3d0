"use client";
// Buckets that the project's files are delivered to.
import { $api, api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";

export type Destination = Schemas["DestinationView"];

const LIST = "/v1/projects/{slug}/destinations";
const ONE = "/v1/projects/{slug}/destinations/{destination_id}";

export function useDestinations() {
  const path = { slug: useProject() };
  return $api.useInfiniteQuery("get", LIST, { params: { path }, paged: true }, paged);
}

export function useDestination(id: string) {
  const path = { slug: useProject(), destination_id: id };
  return useTagged(ONE, { path }, () => api.GET(ONE, { params: { path } }));
}

/** Each raises `Problem`. */
export function useDestinationActions() {
  const slug = useProject();
  const refresh = useRefresh();
  const refreshAll = () => refresh(LIST, ONE);
  const at = (id: string) => ({ slug, destination_id: id });
  return {
    async create(body: Schemas["NewDestination"]): Promise<void> {
      await api.POST(LIST, { params: { path: { slug } }, body });
      void refreshAll();
    },
    async change(id: string, tag: string | null, body: Schemas["DestinationChange"]): Promise<void> {
      try {
        await api.PATCH(ONE, { params: { path: at(id), header: ifMatch(tag) }, body });
      } finally {
        void refreshAll();
      }
    },
    async setKey(id: string, body: Schemas["DestinationKey"]): Promise<void> {
      await api.PUT("/v1/projects/{slug}/destinations/{destination_id}/key", { params: { path: at(id) }, body });
      void refreshAll();
    },
    async test(id: string): Promise<Schemas["DestinationTest"]> {
      const path = at(id);
      try {
        const { data } = await api.POST("/v1/projects/{slug}/destinations/{destination_id}:test", { params: { path } });
        return data as Schemas["DestinationTest"];
      } finally {
        void refreshAll();
      }
    },
    async remove(id: string): Promise<void> {
      await api.DELETE(ONE, { params: { path: at(id) } });
      void refreshAll();
    },
  };
}
