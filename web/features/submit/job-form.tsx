"use client";
import { Box, Button, Group, Stack, Text } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import { AdvancedPart } from "./advanced-part";
import { specOf, type Draft } from "./draft";
import { EstimatePanel } from "./estimate/estimate-panel";
import { useEstimate, useSplitAdvice } from "./estimate/use-checks";
import { FormSection } from "./form-section";
import { FramesField } from "./frames/frames-field";
import { countFrames } from "./frames/frame-range";
import classes from "./job-form.module.css";
import { ModelPicker } from "./model-picker";
import { OrganisePart } from "./organise-part";
import { OutputsPart } from "./outputs-part";
import { refusalsOf } from "./refusals";
import { checkSettings, type Errors } from "./schema/check-value";
import { fieldsOf } from "./schema/field";
import { SettingsPart } from "./settings-part";
import { useDraft } from "./use-draft";
import { useScene } from "./use-scene";
import { useSubmit } from "./use-submit";

/** What surrounds a field is marked too, and cannot be focused. */
const WRONG_FIELD = ':is(input, textarea, button):is([aria-invalid="true"], [data-error])';

interface JobFormProps {
  project: string;
  /** The job that is cloned; null: a new one. */
  source: Schemas["JobDetail"] | null;
  /** The model that the address names. */
  model: string | null;
  /** Another model was chosen in place of the one that the address names. */
  onModel: (model: string) => void;
}

export function JobForm({ project, source, model, onModel }: JobFormProps) {
  const { draft, place, change, reset } = useDraft(project, source, model);
  const scene = useScene(draft);
  // What is left empty is as the scene has it.
  const whole: Draft = {
    ...draft,
    pipeline: scene.pipeline?.name ?? draft.pipeline,
    frames: draft.frames.trim() === "" ? (scene.range ?? "") : draft.frames,
    name: draft.name.trim() === "" ? (scene.model?.name ?? "") : draft.name,
  };
  const spec = specOf(whole);
  const own = ownErrors(whole, scene.pipeline);
  const isWhole = Object.keys(own).length === 0 && scene.model !== undefined;
  const estimate = useEstimate(spec, isWhole);
  const advice = useSplitAdvice(scene.pipeline?.name ?? null, spec);
  const submission = useSubmit(project, place, source);
  const refused = submission.problem ?? (estimate.isSettled ? estimate.error : null);
  const errors: Errors = { ...refusalsOf(refused), ...own };
  const form = useRef<HTMLFormElement>(null);
  const [refusedTries, setRefusedTries] = useState(0);
  useEffect(() => {
    if (refusedTries > 0) form.current?.querySelector<HTMLElement>(WRONG_FIELD)?.focus();
  }, [refusedTries]);
  const part = {
    draft,
    errors,
    change(values: Partial<Draft>) {
      submission.clearProblem();
      change(values);
    },
  };

  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (isWhole) void submission.submit(whole);
        else setRefusedTries((tries) => tries + 1);
      }}
    >
      <div className={classes.columns}>
        <Stack gap="md" miw={0}>
          <FormSection title={strings.submit.what}>
            <ModelPicker
              value={draft.model}
              chosen={scene.model}
              onChange={(next) => {
                part.change({ model: next, ...(next === draft.model ? {} : scene.forget(draft)) });
                if (model !== null && next !== model) onModel(next);
              }}
              error={draft.model === null ? undefined : (errors.model ?? scene.problem)}
            />
            <FramesField {...part} sceneRange={scene.range} />
          </FormSection>
          {scene.pipeline !== undefined && (
            <SettingsPart
              {...part}
              pipeline={scene.pipeline}
              pipelines={scene.pipelines}
              probe={scene.probe}
              refusedTries={refusedTries}
            />
          )}
          <OrganisePart {...part} modelName={scene.model?.name ?? null} />
          <OutputsPart {...part} />
          <AdvancedPart {...part} pipeline={scene.pipeline} advice={advice} />
        </Stack>
        <Box className={classes.aside}>
          <EstimatePanel
            estimate={estimate.data as Schemas["EstimateView"] | undefined}
            isFetching={estimate.isFetching}
            waitsFor={waitsFor(draft, own, refused)}
          >
            {refused !== null && refused !== undefined && <ProblemBox error={refused} />}
            <Button
              type="submit"
              fullWidth
              size="md"
              loading={submission.isBusy}
              disabled={draft.model === null}
              leftSection={<IconPlayerPlay size={18} aria-hidden />}
            >
              {strings.submit.submit}
            </Button>
            <Group justify="space-between">
              <Text size="xs" c="dimmed">
                {strings.submit.kept}
              </Text>
              <Button variant="subtle" size="compact-xs" onClick={reset}>
                {source === null ? strings.submit.clear : strings.submit.asBefore}
              </Button>
            </Group>
          </EstimatePanel>
        </Box>
      </div>
    </form>
  );
}

/** What the page itself knows to be wrong, by place in the specification. */
function ownErrors(draft: Draft, pipeline: Schemas["PipelineView"] | undefined): Errors {
  const errors: Record<string, string> = {};
  if (draft.model === null) errors.model = strings.submit.chooseModel;
  const frames = countFrames(draft.frames);
  if ("error" in frames) errors.frames = frames.error;
  if (pipeline === undefined) return errors;
  for (const [place, words] of Object.entries(checkSettings(fieldsOf(pipeline.settings_schema), draft.settings))) {
    errors[`settings.${place}`] = words;
  }
  return errors;
}

function waitsFor(draft: Draft, own: Errors, refused: unknown): string | null {
  if (draft.model === null) return strings.submit.estimate.noModel;
  if (Object.keys(own).length > 0) return strings.submit.estimate.mend;
  return refused === null || refused === undefined ? null : strings.submit.estimate.refused;
}
