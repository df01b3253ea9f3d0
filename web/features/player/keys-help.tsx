"use client";
import { ActionIcon, Group, Kbd, Popover, Stack, Text } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import { strings } from "@/strings/en";

export function KeysHelp() {
  return (
    <Popover position="top-end" withArrow withinPortal={false}>
      <Popover.Target>
        <ActionIcon aria-label={strings.player.keys} size="md">
          <IconKeyboard size={18} aria-hidden />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap={6}>
          {strings.player.keyWords.map(([keys, words]) => (
            <Group key={words} justify="space-between" gap="lg" wrap="nowrap">
              <Text size="sm">{words}</Text>
              <Group gap={4} wrap="nowrap">
                {keys.map((key) => (
                  <Kbd key={key} size="xs">
                    {key}
                  </Kbd>
                ))}
              </Group>
            </Group>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
