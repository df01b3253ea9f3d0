"use client";
// What can be done with the jobs that are selected.
import { Button, Group, Menu, Paper, Text } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { strings } from "@/strings/en";
import { COMMAND_ICONS, PriorityItems } from "./command-items";
import { COMMANDS, mayAsk, mayChange } from "./commands";
import type { AskedActions } from "./use-asked-actions";
import type { Selection } from "./use-selection";

export function SelectionBar({ selection, actions }: { selection: Selection; actions: AskedActions }) {
  const jobs = selection.selected;
  if (jobs.length === 0) return null;
  return (
    <Paper
      withBorder
      shadow="md"
      p="xs"
      pos="sticky"
      bottom={12}
      style={{ zIndex: 2 }}
      role="region"
      aria-live="polite"
    >
      <Group gap="xs">
        <Text size="sm" fw={600} px="xs">
          {strings.jobs.selected(jobs.length)}
        </Text>
        {COMMANDS.map((command) => {
          const those = jobs.filter((job) => mayAsk(job, command));
          if (those.length === 0) return null;
          const Icon = COMMAND_ICONS[command];
          return (
            <Button
              key={command}
              size="xs"
              variant={command === "cancel" ? "light" : "default"}
              color={command === "cancel" ? "red" : undefined}
              leftSection={<Icon size={14} aria-hidden />}
              onClick={() => actions.command(command, those)}
            >
              {strings.jobs.commandFor(strings.jobs.commands[command], those.length, jobs.length)}
            </Button>
          );
        })}
        {jobs.some(mayChange) && (
          <Menu width={200} keepMounted={false}>
            <Menu.Target>
              <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
                {strings.jobs.setPriority}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <PriorityItems jobs={jobs} actions={actions} />
            </Menu.Dropdown>
          </Menu>
        )}
        <Button size="xs" variant="subtle" ml="auto" onClick={selection.clear}>
          {strings.jobs.selectNone}
        </Button>
      </Group>
    </Paper>
  );
}
