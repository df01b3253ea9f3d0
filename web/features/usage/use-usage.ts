"use client";
// What a project used, may use and has paid for.
import { $api, api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";
import type { Period } from "./period";

export type UsageGroup = Schemas["UsageGroup"];
export type UsageItem = Schemas["UsageItem"];
export type Usage = Schemas["UsageView"];
export type Budget = Schemas["BudgetView"];
export type Quotas = Schemas["QuotasView"];

const BUDGET = "/v1/projects/{slug}/budget";
const QUOTAS = "/v1/projects/{slug}/quotas";
/** The API's most: nearly three years in one answer. */
const DAYS_AT_ONCE = 1000;
/** Of jobs fewer are read at once, since the name of each is asked for. */
const ROWS_AT_ONCE = 20;

export function useUsage(by: UsageGroup, period: Period) {
  const slug = useProject();
  const limit = by === "day" ? DAYS_AT_ONCE : ROWS_AT_ONCE;
  const params = { path: { slug }, query: { by, limit, ...period } };
  return $api.useInfiniteQuery("get", "/v1/projects/{slug}/usage", { params, paged: true }, paged);
}

export function useBudget() {
  const path = { slug: useProject() };
  return useTagged(BUDGET, { path }, () => api.GET(BUDGET, { params: { path } }));
}

export function useQuotas() {
  const path = { slug: useProject() };
  return useTagged(QUOTAS, { path }, () => api.GET(QUOTAS, { params: { path } }));
}

export function useCredits() {
  const params = { path: { slug: useProject() } };
  return $api.useInfiniteQuery("get", "/v1/projects/{slug}/credits", { params, paged: true }, paged);
}

/** For administrators of the farm. Each raises `Problem`. */
export function useLimitActions() {
  const path = { slug: useProject() };
  const refresh = useRefresh();
  return {
    async setBudget(tag: string | null, body: Schemas["BudgetChange"]): Promise<void> {
      try {
        await api.PUT(BUDGET, { params: { path, header: ifMatch(tag) }, body });
      } finally {
        void refresh(BUDGET);
      }
    },
    async setQuotas(tag: string | null, body: Schemas["QuotasChange"]): Promise<void> {
      try {
        await api.PUT(QUOTAS, { params: { path, header: ifMatch(tag) }, body });
      } finally {
        void refresh(QUOTAS);
      }
    },
  };
}

/** An amount as people read it; without a price list there is no currency, and nothing costs anything. */
export function money(amount: string, currency: string | null, format: (amount: string, currency: string) => string) {
  return currency === null ? amount : format(amount, currency);
}
