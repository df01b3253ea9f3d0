"use client";
import { SimpleGrid } from "@mantine/core";
import { useProject } from "@/shared/api/project";
import { DownloadMenu } from "@/shared/ui/download-menu";
import { Page } from "@/shared/ui/page";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { BudgetPanel } from "./budget-panel";
import { CreditsPanel } from "./credits-panel";
import { dayAfter, periodIn, type Period } from "./period";
import { PeriodPicker } from "./period-picker";
import { QuotasPanel } from "./quotas-panel";
import { UsagePanel } from "./usage-panel";

export function UsagePage() {
  const address = useAddress();
  const period = periodIn(address.get, new Date());
  return (
    <Page title={strings.usage.title} actions={<Export period={period} />}>
      <SimpleGrid cols={{ base: 1, md: 3 }}>
        <BudgetPanel />
        <QuotasPanel />
        <CreditsPanel />
      </SimpleGrid>
      <PeriodPicker period={period} onChange={address.set} />
      <UsagePanel period={period} />
    </Page>
  );
}

function Export({ period }: { period: Period }) {
  const slug = encodeURIComponent(useProject());
  const range = { since: `${period.since}T00:00:00Z`, until: `${dayAfter(period.until)}T00:00:00Z` };
  return (
    <DownloadMenu
      words={strings.usage.export}
      formats={(["csv", "jsonl"] as const).map((format) => ({
        name: strings.usage[format],
        path: `/v1/projects/${slug}/usage/export?${new URLSearchParams({ ...range, format })}`,
        file: `usage.${format}`,
      }))}
    />
  );
}
