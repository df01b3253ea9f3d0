"use client";
// All projects of the farm, and what things cost.
import { Button, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Page } from "@/shared/ui/page";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { NewProjectDialog } from "./new-project-dialog";
import { PricesPanel } from "./prices-panel";
import { ProjectList } from "./project-list";

const WORDS = strings.projects;

export function ProjectsPage() {
  const { get, set } = useAddress();
  const [isMaking, making] = useDisclosure(false);
  const tab = get("tab") === "prices" ? "prices" : "projects";
  return (
    <Page
      title={WORDS.title}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={making.open}>
          {WORDS.create} …
        </Button>
      }
    >
      <Tabs value={tab} onChange={(next) => set({ tab: next === "projects" ? null : next })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="projects">{WORDS.tabs.projects}</Tabs.Tab>
          <Tabs.Tab value="prices">{WORDS.tabs.prices}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="projects" pt="md">
          <ProjectList />
        </Tabs.Panel>
        <Tabs.Panel value="prices" pt="md">
          <PricesPanel />
        </Tabs.Panel>
      </Tabs>
      <NewProjectDialog isOpen={isMaking} onClose={making.close} />
    </Page>
  );
}
