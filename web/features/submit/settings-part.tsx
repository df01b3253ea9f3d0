"use client";
// What the pipeline may be told, drawn from its own schema.
import { Accordion, Alert, Badge, Group, Select, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import { FormSection, type PartProps } from "./form-section";
import { PresetsMenu } from "./presets/presets-menu";
import { errorsBelow } from "./refusals";
import { fieldsOf } from "./schema/field";
import type { FieldInputProps } from "./schema/field-input";
import { FieldGrid } from "./schema/group-input";
import { sectionsOf, type Section } from "./schema/sections";

interface SettingsPartProps extends PartProps<Draft> {
  pipeline: Schemas["PipelineView"];
  /** All that take the model's kind. */
  pipelines: readonly Schemas["PipelineView"][];
  probe: Record<string, unknown> | null;
  /** Rises with each try to submit that stopped at something wrong: its section opens. */
  refusedTries: number;
}

const OPEN: Section[] = ["content", "size", "quality"];

export function SettingsPart({ draft, change, errors, pipeline, pipelines, probe, refusedTries }: SettingsPartProps) {
  const fields = useMemo(() => fieldsOf(pipeline.settings_schema), [pipeline.settings_schema]);
  const sections = useMemo(() => sectionsOf(fields), [fields]);
  const known = useMemo(() => knownNames(probe), [probe]);
  const wrong = errorsBelow(errors, "settings");
  const isWrong = ({ fields: those }: { fields: readonly { name: string }[] }) =>
    Object.keys(wrong).some((place) => those.some((field) => field.name === place.split(".")[0]));
  const [opened, setOpened] = useState<string[]>(OPEN);
  const [shownTries, setShownTries] = useState(refusedTries);
  if (shownTries !== refusedTries) {
    setShownTries(refusedTries);
    const first = sections.find(isWrong)?.section;
    if (first !== undefined && !opened.includes(first)) setOpened([...opened, first]);
  }
  const isOrphan = pipeline.on_replicas.length === 0;
  return (
    <FormSection
      title={strings.submit.settings.title}
      aside={
        <PresetsMenu
          key={pipeline.name}
          pipeline={pipeline.name}
          fields={fields}
          settings={draft.settings}
          onChange={(settings) => change({ settings })}
        />
      }
    >
      {pipelines.length > 1 && (
        <Select
          label={strings.submit.pipeline}
          data={pipelines.map((each) => each.name)}
          value={pipeline.name}
          onChange={(name) => change({ pipeline: name, settings: {} })}
          allowDeselect={false}
          error={errors.pipeline}
        />
      )}
      {isOrphan && (
        <Alert color="yellow" variant="light">
          {strings.submit.noWorker(pipeline.name)}
        </Alert>
      )}
      {wrong.settings !== undefined && <Text c="var(--mantine-color-red-light-color)">{wrong.settings}</Text>}
      {errors.settings !== undefined && (
        <Text size="sm" c="var(--mantine-color-red-light-color)" role="alert">
          {errors.settings}
        </Text>
      )}
      <Accordion
        multiple
        value={opened}
        onChange={setOpened}
        chevronPosition="left"
        order={3}
        keepMounted={false}
        transitionDuration={0} // what is opened is there at once, to be focused
      >
        {sections.map(({ section, fields: those }) => {
          const set = those.filter((field) => field.name in draft.settings).length;
          return (
            <Accordion.Item key={section} value={section}>
              <Accordion.Control>
                <Group gap="xs">
                  {strings.submit.settings.sections[section]}
                  {set > 0 && <Badge variant="light">{strings.submit.settings.set(set)}</Badge>}
                  {isWrong({ fields: those }) && (
                    <Badge color="red" variant="light">
                      {strings.submit.advanced.wrong}
                    </Badge>
                  )}
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <FieldGrid
                  fields={those}
                  value={draft.settings}
                  onChange={(settings) => change({ settings })}
                  at=""
                  errors={wrong}
                  known={known}
                />
              </Accordion.Panel>
            </Accordion.Item>
          );
        })}
      </Accordion>
    </FormSection>
  );
}

/** Names that opening the scene has found, for the settings that take one of them. */
function knownNames(probe: Record<string, unknown> | null): FieldInputProps["known"] {
  const cameras = textsIn(probe, "cameras");
  const layers = textsIn(probe, "view_layers");
  return { camera: cameras, view_layer: layers, view_layers: layers };
}

function textsIn(probe: Record<string, unknown> | null, key: string): string[] {
  const value = probe?.[key];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
