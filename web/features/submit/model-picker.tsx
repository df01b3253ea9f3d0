"use client";
// Which model is rendered: found by its name, newest first.
import { Loader, Select, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import { formatAgo } from "@/shared/format/format";
import { strings } from "@/strings/en";

const MOST = 30;
const TYPING_MS = 250;

interface ModelPickerProps {
  value: string | null;
  onChange: (model: string) => void;
  error: string | undefined;
  /** The model itself, where it is known. */
  chosen: Schemas["ModelDetail"] | undefined;
}

export function ModelPicker({ value, onChange, error, chosen }: ModelPickerProps) {
  const header = useProjectHeader();
  const [typed, setTyped] = useState("");
  const [name] = useDebouncedValue(typed.trim(), TYPING_MS);
  const isAsked = name !== "" && name !== (chosen && labelOf(chosen));
  const query = { limit: MOST, state: ["ready" as const], ...(isAsked ? { name } : {}) };
  const found = $api.useQuery("get", "/v1/models", { params: { header, query } });
  const models = new Map(found.data?.items.map((model) => [model.id, model as Schemas["ModelView"]]));
  if (chosen !== undefined) models.set(chosen.id, chosen);
  return (
    <Select
      label={strings.submit.model}
      description={strings.submit.modelWords}
      placeholder={strings.submit.chooseModel}
      data={[...models.values()].map((model) => ({ value: model.id, label: labelOf(model) }))}
      value={value}
      onChange={(next) => next !== null && onChange(next)}
      onSearchChange={setTyped}
      searchable
      allowDeselect={false}
      withAsterisk
      error={error ?? (found.error === null ? undefined : asProblem(found.error).message)}
      rightSection={found.isFetching ? <Loader size={16} /> : undefined}
      nothingFoundMessage={found.isPending ? strings.shell.loading : strings.submit.noModel}
      filter={({ options }) => options} // the farm has searched
      renderOption={({ option }) => <ModelOption model={models.get(option.value)} label={option.label} />}
      maxDropdownHeight={320}
    />
  );
}

function labelOf(model: Pick<Schemas["ModelView"], "name" | "digest">): string {
  return `${model.name} · ${model.digest.replace(/^sha256:/, "").slice(0, 8)}`;
}

function ModelOption({ model, label }: { model: Schemas["ModelView"] | undefined; label: string }) {
  if (model === undefined) return label;
  return (
    <div>
      <Text size="sm">{model.name}</Text>
      <Text size="xs" c="dimmed">
        {strings.submit.modelOption(model.kind, formatAgo(model.created_at), label.split(" · ")[1] ?? "")}
      </Text>
    </div>
  );
}
