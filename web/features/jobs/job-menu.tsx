"use client";
// What can be done with one job, from its row.
import { ActionIcon, Menu } from "@mantine/core";
import { IconCopy, IconDotsVertical } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { useProject } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { CommandItems, PriorityItems } from "./command-items";
import type { Job } from "./commands";
import type { AskedActions } from "./use-asked-actions";

export function JobMenu({ job, actions }: { job: Job; actions: AskedActions }) {
  const project = useProject();
  return (
    <Menu position="bottom-end" width={220} keepMounted={false}>
      <Menu.Target>
        <ActionIcon aria-label={strings.jobs.actionsOf(job.name)}>
          <IconDotsVertical size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <CommandItems jobs={[job]} actions={actions} />
        <Menu.Item
          component={Link}
          href={`/projects/${encodeURIComponent(project)}/jobs/new/?clone=${job.id}`}
          leftSection={<IconCopy size={16} aria-hidden />}
        >
          {strings.jobs.clone}
        </Menu.Item>
        <PriorityItems jobs={[job]} actions={actions} />
      </Menu.Dropdown>
    </Menu>
  );
}
