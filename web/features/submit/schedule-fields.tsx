"use client";
// When the job may run, and its share of the farm.
import { NumberInput, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import type { PartProps } from "./form-section";
import { JobsPicker } from "./jobs-picker";
import { errorAt } from "./refusals";

const words = strings.submit.advanced;

export function ScheduleFields({ draft, change, errors }: PartProps<Draft>) {
  return (
    <Stack gap="md">
      <JobsPicker
        value={draft.dependsOn}
        onChange={(dependsOn) => change({ dependsOn })}
        error={errorAt(errors, "depends_on")}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput
          type="datetime-local"
          label={words.startBefore}
          description={words.startBeforeWords}
          value={draft.startBefore}
          onChange={({ currentTarget }) => change({ startBefore: currentTarget.value })}
          error={errors.start_before}
        />
        <TextInput
          type="datetime-local"
          label={words.finishBefore}
          description={words.finishBeforeWords}
          value={draft.finishBefore}
          onChange={({ currentTarget }) => change({ finishBefore: currentTarget.value })}
          error={errors.finish_before}
        />
        <NumberInput
          label={words.weight}
          description={words.weightWords}
          value={draft.weight ?? ""}
          onChange={(weight) => change({ weight: typeof weight === "number" ? weight : null })}
          placeholder={strings.submit.settings.standard("100")}
          min={1}
          max={1000}
          allowDecimal={false}
          error={errors.weight}
        />
        <NumberInput
          label={words.maxReplicas}
          description={words.maxReplicasWords}
          value={draft.maxReplicas ?? ""}
          onChange={(count) => change({ maxReplicas: typeof count === "number" ? count : null })}
          placeholder={words.noLimit}
          min={1}
          max={100_000}
          allowDecimal={false}
          error={errors.max_replicas}
        />
      </SimpleGrid>
    </Stack>
  );
}
