"use client";
// One frame over several replicas, in the ways that the pipeline can.
import { Alert, Input, NumberInput, SegmentedControl, Stack } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import type { PartProps } from "./form-section";
import { errorAt } from "./refusals";

const words = strings.submit.advanced;
const PARTS = 2;

interface SplitFieldsProps extends PartProps<Draft> {
  modes: readonly string[];
  advice: readonly string[];
}

export function SplitFields({ draft, change, errors, modes, advice }: SplitFieldsProps) {
  const shown = (["none", "borders", "samples"] as const).filter((mode) => mode === "none" || modes.includes(mode));
  return (
    <Stack gap="md">
      <Input.Wrapper
        label={words.split}
        description={words.splitWords[draft.splitMode]}
        labelElement="div"
        error={errorAt(errors, "split")}
      >
        <SegmentedControl
          mt={4}
          aria-label={words.split}
          data={shown.map((value) => ({ value, label: words.splits[value] }))}
          value={draft.splitMode}
          onChange={(mode) => change({ splitMode: mode as Schemas["SplitMode"] })}
        />
      </Input.Wrapper>
      {draft.splitMode !== "none" && (
        <NumberInput
          label={words.parts}
          value={draft.splitParts ?? PARTS}
          onChange={(parts) => typeof parts === "number" && change({ splitParts: parts })}
          min={2}
          max={64}
          allowDecimal={false}
          w={140}
        />
      )}
      {draft.splitMode !== "none" && advice.length > 0 && (
        <Alert variant="light" aria-live="polite">
          {advice.join(" ")}
        </Alert>
      )}
    </Stack>
  );
}
