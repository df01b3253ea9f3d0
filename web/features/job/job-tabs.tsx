"use client";
// The parts of the job's page, each loaded when it is looked at; the frames come with the page.
import { ScrollArea, Tabs } from "@mantine/core";
import dynamic from "next/dynamic";
import type { ComponentType, FunctionComponent } from "react";
import { Loading } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { FramesTab } from "./frames-tab";
import { useFrames, type JobDetail, type JobPanelProps } from "./job-context";
import { useFrameStates } from "./use-frame-states";

type TabName = "frames" | "play" | "compare" | "outputs" | "steps" | "events" | "details";

const TABS: readonly { name: TabName; panel: ComponentType<JobPanelProps> }[] = [
  { name: "frames", panel: FramesTab },
  { name: "play", panel: later(() => import("@/features/player/player").then((module) => module.Player)) },
  { name: "compare", panel: later(() => import("@/features/compare/compare").then((module) => module.Compare)) },
  { name: "outputs", panel: later(() => import("./outputs-tab").then((module) => module.OutputsTab)) },
  { name: "steps", panel: later(() => import("./steps-tab").then((module) => module.StepsTab)) },
  { name: "events", panel: later(() => import("./events-tab").then((module) => module.EventsTab)) },
  { name: "details", panel: later(() => import("./details-tab").then((module) => module.DetailsTab)) },
];

function later(load: () => Promise<FunctionComponent<{ job: JobDetail }>>): ComponentType<JobPanelProps> {
  return dynamic<JobPanelProps>(load, { ssr: false, loading: Loading });
}

export function JobTabs({ job }: { job: JobDetail }) {
  const address = useAddress();
  const { states } = useFrames();
  // Kept by the page, not by a tab: what plays and what is listed are the same frames.
  const read = useFrameStates(job.id, states);
  const asked = address.get("tab");
  const shown = TABS.find((tab) => tab.name === asked) ?? TABS[0]!;
  return (
    <Tabs
      value={shown.name}
      onChange={(name) => address.set({ tab: name === "frames" ? null : name, frame: null })}
      keepMounted={false}
    >
      <ScrollArea type="never">
        <Tabs.List aria-label={strings.job.tabsLabel} style={{ flexWrap: "nowrap" }}>
          {TABS.map(({ name }) => (
            <Tabs.Tab key={name} value={name} style={{ flexShrink: 0 }}>
              {strings.job.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </ScrollArea>
      {TABS.map(({ name, panel: Panel }) => (
        <Tabs.Panel key={name} value={name} pt="md">
          <Panel job={job} read={read} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
