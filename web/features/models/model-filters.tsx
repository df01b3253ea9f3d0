"use client";
import { Group, MultiSelect, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { strings } from "@/strings/en";
import { MODEL_STATES } from "./model-state";
import { MODEL_KINDS, type ModelChoice } from "./use-models";

const TYPING_MS = 250;

interface ModelFiltersProps {
  choice: ModelChoice;
  onChange: (change: Partial<ModelChoice>) => void;
}

export function ModelFilters({ choice, onChange }: ModelFiltersProps) {
  const [typed, setTyped] = useState(choice.name);
  const seek = useDebouncedCallback((name: string) => onChange({ name }), TYPING_MS);
  return (
    <Group align="end" gap="sm">
      <TextInput
        label={strings.models.search}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={typed}
        onChange={({ currentTarget }) => {
          setTyped(currentTarget.value);
          seek(currentTarget.value);
        }}
        w={{ base: "100%", xs: 240 }}
        type="search"
      />
      <MultiSelect
        label={strings.models.state}
        data={MODEL_STATES.map((value) => ({ value, label: strings.models.states[value] }))}
        value={choice.states}
        onChange={(states) => onChange({ states: states as ModelChoice["states"] })}
        placeholder={choice.states.length === 0 ? strings.models.any : undefined}
        clearable
        w={{ base: "100%", xs: 200 }}
      />
      <MultiSelect
        label={strings.models.kind}
        data={MODEL_KINDS.map((value) => ({ value, label: strings.models.kinds[value] }))}
        value={choice.kinds}
        onChange={(kinds) => onChange({ kinds: kinds as ModelChoice["kinds"] })}
        placeholder={choice.kinds.length === 0 ? strings.models.any : undefined}
        clearable
        w={{ base: "100%", xs: 200 }}
      />
      <Select
        label={strings.models.order}
        data={[
          { value: "-created_at", label: strings.models.newestFirst },
          { value: "name", label: strings.models.byName },
        ]}
        value={choice.sort}
        onChange={(sort) => onChange({ sort: sort === "name" ? "name" : "-created_at" })}
        allowDeselect={false}
        w={{ base: "100%", xs: 160 }}
      />
    </Group>
  );
}
