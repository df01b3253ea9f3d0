"use client";
// Where the project's budget or quotas will hold the job up.
import { $api, type Schemas } from "@/shared/api/client";
import { useProject } from "@/shared/api/project";
import { formatMoney, formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";

const words = strings.submit.hints;

export function useProjectHints(estimate: Schemas["EstimateView"] | undefined): string[] {
  const params = { path: { slug: useProject() } };
  const budget = $api.useQuery("get", "/v1/projects/{slug}/budget", { params });
  const quotas = $api.useQuery("get", "/v1/projects/{slug}/quotas", { params });
  return hintsOf(estimate, budget.data, quotas.data);
}

export function hintsOf(
  estimate: Schemas["EstimateView"] | undefined,
  budget: Schemas["BudgetView"] | undefined,
  quotas: Schemas["QuotasView"] | undefined,
): string[] {
  const hints: string[] = [];
  if (budget?.stopped) hints.push(words.stopped(budget.stopped));
  const left = budget?.amount ? Number(budget.amount) - Number(budget.spent) : null;
  if (left !== null && budget?.currency && estimate?.cost && Number(estimate.cost) > left) {
    hints.push(words.overBudget(formatMoney(String(Math.max(left, 0)), budget.currency)));
  }
  const most = quotas?.quotas.queued_frames ?? null;
  if (most !== null && quotas !== undefined && estimate !== undefined) {
    const after = quotas.used.queued_frames + (estimate.to_render ?? estimate.frames);
    if (after > most) hints.push(words.overFrames(formatNumber(after), formatNumber(most)));
  }
  return hints;
}
