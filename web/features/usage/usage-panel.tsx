"use client";
// What was used in the period: a chart by day, and a table by day, job or pool.
import { SegmentedControl, Stack } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import dynamic from "next/dynamic";
import { itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import type { Period } from "./period";
import { StorageTable } from "./storage-table";
import { UsageTable } from "./usage-table";
import { useUsage, type UsageGroup } from "./use-usage";

// The charts are a quarter of a megabyte: loaded where one is looked at.
const UsageChart = dynamic(() => import("./usage-chart").then((module) => module.UsageChart), {
  ssr: false,
  loading: () => <Loading />,
});

const GROUPS: readonly UsageGroup[] = ["day", "job", "pool"];

export function UsagePanel({ period }: { period: Period }) {
  const address = useAddress();
  const by = GROUPS.find((group) => group === address.get("by")) ?? "day";
  const query = useUsage(by, period);
  return (
    <>
      <Section
        title={strings.usage.used}
        actions={
          <SegmentedControl
            aria-label={strings.usage.by}
            data={GROUPS.map((group) => ({ value: group, label: strings.usage.groups[group] }))}
            value={by}
            onChange={(group) => address.set({ by: group === "day" ? null : group })}
          />
        }
      >
        <QueryStates
          query={query}
          isEmpty={(data) => itemsOf(data).length === 0}
          empty={
            <Empty icon={<IconChartBar aria-hidden />} title={strings.usage.none} words={strings.usage.noneWords} />
          }
        >
          {(data) => (
            <Stack>
              {by === "day" && (
                <UsageChart items={itemsOf(data)} period={period} currency={data.pages[0]?.currency ?? null} />
              )}
              <UsageTable by={by} items={itemsOf(data)} currency={data.pages[0]?.currency ?? null} />
              <LoadMore query={query} />
            </Stack>
          )}
        </QueryStates>
      </Section>
      {query.data !== undefined && (query.data.pages[0]?.storage ?? []).length > 0 && (
        <Section title={strings.usage.storage} words={strings.usage.storageWords}>
          <StorageTable items={query.data.pages[0]?.storage ?? []} currency={query.data.pages[0]?.currency ?? null} />
        </Section>
      )}
    </>
  );
}
