"use client";
// How the farm does, in detail, and the switches of who runs it.
import { Tabs } from "@mantine/core";
import { Page } from "@/shared/ui/page";
import { ReadAgain } from "@/shared/ui/read-again";
import { strings } from "@/strings/en";
import { FarmStateBadge } from "./farm-state";
import { FlagsPanel } from "./flags-panel";
import { HealthPanel } from "./health-panel";
import { LicencesPanel } from "./licences-panel";
import { LimitsPanel } from "./limits-panel";
import { MaintenanceBanner } from "./maintenance-banner";
import { MaintenancePanel } from "./maintenance-panel";
import { SchedulesPanel } from "./schedules-panel";
import { useAddress } from "@/shared/ui/use-address";
import { useStatus } from "./use-overview";

const WORDS = strings.farm;
const PANELS = {
  health: HealthPanel,
  maintenance: MaintenancePanel,
  flags: FlagsPanel,
  schedules: SchedulesPanel,
  licences: LicencesPanel,
  limits: LimitsPanel,
} as const;
type Panel = keyof typeof PANELS;
const NAMES = Object.keys(PANELS) as Panel[];

export function StatusPage() {
  const { get, set } = useAddress();
  const status = useStatus();
  const chosen = NAMES.find((name) => name === get("tab")) ?? "health";
  return (
    <Page
      title={WORDS.statusTitle}
      badge={status.data && <FarmStateBadge state={status.data.status} />}
      actions={<ReadAgain />}
    >
      <MaintenanceBanner notice={status.data?.maintenance} />
      <Tabs value={chosen} onChange={(tab) => set({ tab: tab === "health" ? null : tab })} keepMounted={false}>
        <Tabs.List>
          {NAMES.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {WORDS.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {NAMES.map((name) => {
          const Shown = PANELS[name];
          return (
            <Tabs.Panel key={name} value={name} pt="md">
              <Shown />
            </Tabs.Panel>
          );
        })}
      </Tabs>
    </Page>
  );
}
