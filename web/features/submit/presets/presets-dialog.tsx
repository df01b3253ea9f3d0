"use client";
// Keeps the settings as they are under a name; renames and deletes what was kept.
import { ActionIcon, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { strings } from "@/strings/en";
import type { JsonObject } from "../schema/field";
import { dropPreset, keepPreset, renamePreset, type Preset } from "./presets";

const words = strings.submit.presets;

interface PresetsDialogProps {
  isOpen: boolean;
  onClose: () => void;
  pipeline: string;
  settings: JsonObject;
  presets: readonly Preset[];
  onKept: (presets: Preset[]) => void;
}

export function PresetsDialog({ isOpen, onClose, pipeline, settings, presets, onKept }: PresetsDialogProps) {
  const [name, setName] = useState("");

  function keep(submit: FormEvent) {
    submit.preventDefault();
    submit.stopPropagation(); // the dialog stands in the job's form, by React's tree
    if (name.trim() === "") return;
    onKept(keepPreset(pipeline, { name: name.trim(), settings }));
    setName("");
    onClose();
  }

  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={words.keepTitle}
      closeButtonProps={{ "aria-label": strings.shell.close }}
    >
      <Stack>
        <form onSubmit={keep}>
          <Group align="flex-end" gap="xs">
            <TextInput
              label={words.name}
              description={words.nameWords(pipeline)}
              value={name}
              onChange={({ currentTarget }) => setName(currentTarget.value)}
              maxLength={60}
              flex={1}
              data-autofocus
            />
            <Button type="submit" disabled={name.trim() === ""}>
              {strings.jobs.save}
            </Button>
          </Group>
        </form>
        {presets.length > 0 && <Text size="sm">{words.keptWords}</Text>}
        {presets.map((preset) => (
          <Group key={preset.name} gap="xs" wrap="nowrap">
            <TextInput
              aria-label={words.rename(preset.name)}
              defaultValue={preset.name}
              maxLength={60}
              flex={1}
              onBlur={({ currentTarget }) => {
                const next = currentTarget.value.trim();
                if (next === "") currentTarget.value = preset.name;
                else if (next !== preset.name) onKept(renamePreset(pipeline, preset.name, next));
              }}
            />
            <ActionIcon aria-label={words.drop(preset.name)} onClick={() => onKept(dropPreset(pipeline, preset.name))}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
