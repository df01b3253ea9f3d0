"use client";
// Webhooks of the project in the address, their delivery log, and what can be done with them.
import { useEffect, useRef } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";

export type Webhook = Schemas["WebhookView"];
export type Delivery = Schemas["DeliveryView"];
export type DeliveryState = Delivery["state"];

const LIST = "/v1/projects/{slug}/webhooks";
const ONE = "/v1/projects/{slug}/webhooks/{webhook_id}";
const LOG = "/v1/projects/{slug}/webhooks/{webhook_id}/deliveries";

/** A post takes a moment, and no event of the feed tells of it: its outcome is looked for this long after it began. */
const LOOKS_AFTER_MS = [1000, 4000, 12_000];

export function useWebhooks() {
  const slug = useProject();
  return $api.useInfiniteQuery("get", LIST, { params: { path: { slug } }, paged: true }, paged);
}

export function useWebhook(id: string) {
  const slug = useProject();
  const path = { slug, webhook_id: id };
  return useTagged(ONE, { path }, () => api.GET(ONE, { params: { path } }));
}

export function useDeliveries(id: string, state: DeliveryState | null) {
  const slug = useProject();
  const path = { slug, webhook_id: id };
  const query = state === null ? {} : { state };
  return $api.useInfiniteQuery("get", LOG, { params: { path, query }, paged: true }, paged);
}

/** Each raises `Problem`. */
export function useWebhookActions() {
  const slug = useProject();
  const refresh = useRefresh();
  const looks = useRef<ReturnType<typeof setTimeout>[]>([]);
  useEffect(() => {
    const begun = looks.current;
    return () => begun.forEach(clearTimeout);
  }, []);

  const refreshAll = () => refresh(LIST, ONE, LOG);
  const at = (id: string) => ({ slug, webhook_id: id });

  function followDelivery() {
    void refresh(LOG);
    for (const wait of LOOKS_AFTER_MS) looks.current.push(setTimeout(() => void refreshAll(), wait));
  }

  return {
    /** The signing secret; null: chat has none. */
    async create(wish: Schemas["NewWebhook"]): Promise<string | null> {
      const { data } = await api.POST(LIST, { params: { path: { slug } }, body: wish });
      void refreshAll();
      return data?.secret ?? null;
    },
    async change(id: string, tag: string | null, change: Schemas["WebhookChange"]): Promise<void> {
      try {
        await api.PATCH(ONE, { params: { path: at(id), header: ifMatch(tag) }, body: change });
      } finally {
        void refreshAll(); // where somebody was faster, theirs is shown
      }
    },
    async rotate(id: string): Promise<string | null> {
      const { data } = await api.POST("/v1/projects/{slug}/webhooks/{webhook_id}:rotate", { params: { path: at(id) } });
      void refreshAll();
      return data?.secret ?? null;
    },
    async test(id: string): Promise<void> {
      await api.POST("/v1/projects/{slug}/webhooks/{webhook_id}:test", { params: { path: at(id) } });
      followDelivery();
    },
    async remove(id: string, tag: string | null): Promise<void> {
      await api.DELETE(ONE, { params: { path: at(id), header: ifMatch(tag) } });
      void refresh(LIST);
    },
    async redeliver(id: string, delivery: string): Promise<void> {
      const path = { ...at(id), delivery_id: delivery };
      await api.POST("/v1/projects/{slug}/webhooks/{webhook_id}/deliveries/{delivery_id}:redeliver", {
        params: { path },
      });
      followDelivery();
    },
    lookAgain: () => void refresh(LOG, ONE),
  };
}

/** What people call it. */
export function nameOf(webhook: Webhook): string {
  return webhook.description === "" ? webhook.url : webhook.description;
}
