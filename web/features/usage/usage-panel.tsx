"use client";
// What was used in the period: a chart by day, and a table by day, job or pool.
import { SegmentedControl, Stack, Text } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import dynamic from "next/dynamic";
import { itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { readPart, type Period } from "./period";
import { StorageTable } from "./storage-table";
import { UsageTable } from "./usage-table";
import { useUsage, type UsageGroup, type UsageItem } from "./use-usage";

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
                <Days
                  items={itemsOf(data)}
                  period={period}
                  hasMore={query.hasNextPage}
                  currency={data.pages[0]?.currency ?? null}
                />
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

interface DaysProps {
  items: readonly UsageItem[];
  period: Period;
  hasMore: boolean;
  currency: string | null;
}

/** Days that are not read yet are left out: as bars of nothing they would say that nothing was used. */
function Days({ items, period, hasMore, currency }: DaysProps) {
  const shown = readPart(period, hasMore ? (items.at(-1)?.day ?? null) : null);
  return (
    <div>
      <UsageChart items={items} period={shown} currency={currency} />
      {shown.until !== period.until && (
        <Text size="xs" c="dimmed">
          {strings.usage.chartEnds(shown.until)}
        </Text>
      )}
    </div>
  );
}
