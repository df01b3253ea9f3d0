"use client";
// Entries of a menu for what may be asked of these jobs: of each command, those of them that it may be asked of.
import { Menu } from "@mantine/core";
import {
  IconBan,
  IconCircleCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconStairsUp,
  type Icon,
} from "@tabler/icons-react";
import { strings } from "@/strings/en";
import { COMMANDS, mayAsk, mayChange, PRIORITIES, type Command, type Job } from "./commands";
import type { AskedActions } from "./use-asked-actions";

export const COMMAND_ICONS: Record<Command, Icon> = {
  approve: IconCircleCheck,
  pause: IconPlayerPause,
  resume: IconPlayerPlay,
  retry: IconRefresh,
  cancel: IconBan,
};

interface ItemsProps {
  jobs: readonly Job[];
  actions: AskedActions;
}

export function CommandItems({ jobs, actions }: ItemsProps) {
  return COMMANDS.map((command) => {
    const those = jobs.filter((job) => mayAsk(job, command));
    if (those.length === 0) return null;
    const Icon = COMMAND_ICONS[command];
    return (
      <Menu.Item
        key={command}
        color={command === "cancel" ? "red" : undefined}
        leftSection={<Icon size={16} aria-hidden />}
        onClick={() => actions.command(command, those)}
      >
        {strings.jobs.commands[command]}
      </Menu.Item>
    );
  });
}

export function PriorityItems({ jobs, actions }: ItemsProps) {
  const those = jobs.filter(mayChange);
  if (those.length === 0) return null;
  return (
    <>
      <Menu.Divider />
      <Menu.Label>{strings.jobs.setPriority}</Menu.Label>
      {PRIORITIES.map((priority) => {
        const others = those.filter((job) => job.priority !== priority);
        return (
          <Menu.Item
            key={priority}
            disabled={others.length === 0}
            leftSection={<IconStairsUp size={16} aria-hidden />}
            onClick={() => actions.setPriority(priority, others)}
          >
            {strings.jobs.priorities[priority]}
          </Menu.Item>
        );
      })}
    </>
  );
}
