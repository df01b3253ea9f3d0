"use client";
// Ceilings, and what a replica must have or hold.
import { NumberInput, SimpleGrid, Stack, Switch, TagsInput } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import type { PartProps } from "./form-section";
import { errorAt } from "./refusals";

const words = strings.submit.advanced;
const LIMITS = [
  { key: "tries", field: "limits.tries", standard: "3" },
  { key: "frameTimeoutS", field: "limits.frame_timeout_s", standard: null },
  { key: "stallTimeoutS", field: "limits.stall_timeout_s", standard: null },
  { key: "loadTimeoutS", field: "limits.load_timeout_s", standard: "1800" },
] as const;

export function LimitFields({ draft, change, errors }: PartProps<Draft>) {
  return (
    <Stack gap="md">
      <Switch
        label={words.reuse}
        description={words.reuseWords}
        checked={draft.reuse}
        onChange={({ currentTarget }) => change({ reuse: currentTarget.checked })}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        {LIMITS.map(({ key, field, standard }) => (
          <NumberInput
            key={key}
            label={words.limits[key]}
            value={draft[key] ?? ""}
            onChange={(value) => change({ [key]: typeof value === "number" ? value : null })}
            placeholder={standard === null ? words.farmsOwn : strings.submit.settings.standard(standard)}
            min={key === "tries" ? 1 : 0}
            allowDecimal={key !== "tries"}
            error={errors[field]}
          />
        ))}
      </SimpleGrid>
      <TagsInput
        label={words.labels}
        description={words.labelsWords}
        placeholder={draft.labels.length === 0 ? "gpu_memory_gb=>=24" : undefined}
        value={draft.labels}
        onChange={(labels) => change({ labels })}
        maxTags={16}
        error={pairError(draft.labels, /^[^=\s]+\s*=\s*\S/) ?? errorAt(errors, "labels")}
      />
      <TagsInput
        label={words.licences}
        description={words.licencesWords}
        placeholder={draft.licences.length === 0 ? "houdini=1" : undefined}
        value={draft.licences}
        onChange={(licences) => change({ licences })}
        maxTags={16}
        error={pairError(draft.licences, /^[^=\s]+\s*=\s*\d+$/) ?? errorAt(errors, "licences")}
      />
    </Stack>
  );
}

function pairError(texts: readonly string[], pair: RegExp): string | undefined {
  const wrong = texts.find((text) => !pair.test(text.trim()));
  return wrong === undefined ? undefined : words.notAPair(wrong);
}
