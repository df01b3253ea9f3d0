"use client";
// The same actions, with a question before what cannot be taken back.
import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { strings } from "@/strings/en";
import type { Command, Job, Priority } from "./commands";
import { useJobActions } from "./use-job-actions";

export interface AskedActions {
  command: (command: Command, jobs: readonly Job[]) => void;
  setPriority: (priority: Priority, jobs: readonly Job[]) => void;
}

export function useAskedActions(): AskedActions {
  const actions = useJobActions();
  return {
    command(command, jobs) {
      if (command !== "cancel") {
        void actions.command(command, jobs);
        return;
      }
      modals.openConfirmModal({
        title: strings.jobs.cancelTitle(jobs.length),
        children: <Text size="sm">{strings.jobs.cancelWords}</Text>,
        labels: { confirm: strings.jobs.commands.cancel, cancel: strings.jobs.keepThem },
        confirmProps: { color: "red" },
        onConfirm: () => void actions.command(command, jobs),
      });
    },
    setPriority: (priority, jobs) => void actions.setPriority(priority, jobs),
  };
}
