"use client";
// What an operator looks at first: how the farm does, and what is wrong.
import { Button, Grid, Stack } from "@mantine/core";
import { IconChartLine, IconExternalLink } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { Page } from "@/shared/ui/page";
import { ReadAgain } from "@/shared/ui/read-again";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { ClassTable } from "./class-table";
import { FailingJobs, LateLoops, Reasons } from "./concerns";
import { FarmStateBadge } from "./farm-state";
import { MaintenanceBanner } from "./maintenance-banner";
import { MemorySection } from "./memory-section";
import { PaceSection } from "./pace-section";
import { PoolTable } from "./pool-table";
import { ProjectTable } from "./project-table";
import { FarmStats } from "./farm-stats";
import { useOverview } from "./use-overview";

export function OverviewPage() {
  const { queues, pace, status, loops, replicas, failing } = useOverview();
  return (
    <Page
      title={strings.shell.pages.farm}
      badge={status.data && <FarmStateBadge state={status.data.status} />}
      actions={
        <>
          <Links links={status.data?.links ?? null} />
          <ReadAgain />
        </>
      }
    >
      <MaintenanceBanner notice={status.data?.maintenance} />
      <QueryStates query={queues}>
        {(queue) => (
          <Stack gap="md">
            <QueryStates query={pace}>{(seen) => <FarmStats queues={queue} pace={seen} />}</QueryStates>
            <Grid gap="md">
              <Grid.Col span={{ base: 12, lg: 8 }}>
                <Stack gap="md">
                  {pace.data !== undefined && <PaceSection pace={pace.data} />}
                  <ClassTable classes={queue.classes} />
                  <ProjectTable projects={queue.projects} />
                  <PoolTable pools={queue.pools} />
                </Stack>
              </Grid.Col>
              <Grid.Col span={{ base: 12, lg: 4 }}>
                <Stack gap="md">
                  <Reasons classes={queue.classes} />
                  <FailingJobs query={failing} />
                  <LateLoops query={loops} />
                  <MemorySection query={replicas} />
                </Stack>
              </Grid.Col>
            </Grid>
          </Stack>
        )}
      </QueryStates>
    </Page>
  );
}

function Links({ links }: { links: Schemas["StatusLinks"] | null }) {
  return (
    <>
      {links?.dashboard && <ToolLink href={links.dashboard} label={strings.farm.dashboard} />}
      {links?.grafana && <ToolLink href={links.grafana} label={strings.farm.grafana} icon />}
    </>
  );
}

function ToolLink({ href, label, icon = false }: { href: string; label: string; icon?: boolean }) {
  const Icon = icon ? IconChartLine : IconExternalLink;
  return (
    <Button
      component="a"
      href={href}
      target="_blank"
      rel="noreferrer"
      variant="default"
      leftSection={<Icon size={16} aria-hidden />}
      aria-label={`${label} (${strings.farm.opensOutside})`}
    >
      {label}
    </Button>
  );
}
