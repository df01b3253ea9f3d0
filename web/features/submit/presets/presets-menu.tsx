"use client";
import { Button, Menu } from "@mantine/core";
import { useDisclosure, useFileDialog } from "@mantine/hooks";
import { IconAdjustments, IconDownload, IconFeather, IconPencil, IconSparkles, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { Problem } from "@/shared/api/problem";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import type { Field, JsonObject } from "../schema/field";
import { PresetsDialog } from "./presets-dialog";
import { asDraft, asFinal, hasDraft, keepPreset, keptPresets, presetsIn, textOfPresets } from "./presets";

const words = strings.submit.presets;

interface PresetsMenuProps {
  pipeline: string;
  fields: readonly Field[];
  settings: JsonObject;
  onChange: (settings: JsonObject) => void;
}

export function PresetsMenu({ pipeline, fields, settings, onChange }: PresetsMenuProps) {
  const [kept, setKept] = useState(() => keptPresets(pipeline));
  const [isOpen, dialog] = useDisclosure(false);
  const files = useFileDialog({
    accept: "application/json,.json",
    multiple: false,
    resetOnOpen: true,
    onChange: (chosen) => void load(chosen?.[0]),
  });

  async function load(file: File | undefined) {
    if (file === undefined) return;
    const found = presetsIn(await file.text(), pipeline);
    if (found === null) return notifyProblem(new Problem(0, { detail: words.noPresets(pipeline) }));
    for (const preset of found) keepPreset(pipeline, preset);
    setKept(keptPresets(pipeline));
    notifyDone(words.loaded(found.length));
  }

  return (
    <>
      <Menu width={240} position="bottom-end" keepMounted={false}>
        <Menu.Target>
          <Button variant="default" size="xs" leftSection={<IconAdjustments size={14} aria-hidden />}>
            {words.title}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {hasDraft(pipeline) && (
            <>
              <Menu.Item
                leftSection={<IconFeather size={16} aria-hidden />}
                onClick={() => onChange(asDraft(pipeline, fields, settings))}
              >
                {words.draft}
              </Menu.Item>
              <Menu.Item
                leftSection={<IconSparkles size={16} aria-hidden />}
                onClick={() => onChange(asFinal(pipeline, settings))}
              >
                {words.final}
              </Menu.Item>
            </>
          )}
          {kept.length > 0 && <Menu.Label>{words.yours}</Menu.Label>}
          {kept.map((preset) => (
            <Menu.Item key={preset.name} onClick={() => onChange(preset.settings)}>
              {preset.name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={dialog.open}>
            {words.keep}
          </Menu.Item>
          {kept.length > 0 && (
            <Menu.Item
              leftSection={<IconDownload size={16} aria-hidden />}
              onClick={() => saveFile(`${pipeline}-presets.json`, textOfPresets(pipeline, kept))}
            >
              {words.save}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconUpload size={16} aria-hidden />} onClick={files.open}>
            {words.load}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <PresetsDialog
        isOpen={isOpen}
        onClose={dialog.close}
        pipeline={pipeline}
        settings={settings}
        presets={kept}
        onKept={setKept}
      />
    </>
  );
}

function saveFile(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
