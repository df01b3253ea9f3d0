"use client";
// By whom, what, on which thing, when. What is chosen stands in the address.
import { Autocomplete, Button, Group, TextInput, type TextInputProps } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";
import { strings } from "@/strings/en";
import { FILTERS, type Filter, type Filters } from "./filters";
import { ProjectFilter } from "./project-filter";
import type { AuditScope } from "./use-audit";

const TYPING_MS = 350;

interface AuditFiltersProps {
  scope: AuditScope;
  filters: Filters;
  /** That are offered; any other can be typed. */
  actions: readonly string[];
  onChange: (changes: Record<string, string | null>) => void;
}

export function AuditFilters({ scope, filters, actions, onChange }: AuditFiltersProps) {
  const [cleared, setCleared] = useState(0);
  const set = (name: Filter) => (value: string) => onChange({ [name]: value === "" ? null : value });
  return (
    <Group role="search" aria-label={strings.audit.filters} align="flex-end" gap="sm" key={cleared}>
      <Typed label={strings.audit.actor} hint={strings.audit.actorHint} value={filters.actor} onChange={set("actor")} />
      <Typed
        label={strings.audit.action}
        hint={strings.audit.actionHint}
        value={filters.action}
        onChange={set("action")}
        offered={actions}
      />
      <Typed
        label={strings.audit.resourceType}
        hint={strings.audit.resourceTypeHint}
        value={filters.resource_type}
        onChange={set("resource_type")}
        w={140}
      />
      <Typed label={strings.audit.resourceId} value={filters.resource_id} onChange={set("resource_id")} />
      {(["since", "until"] as const).map((side) => (
        <TextInput
          key={side}
          type="date"
          label={strings.audit[side]}
          value={filters[side] ?? ""}
          onChange={({ currentTarget }) => set(side)(currentTarget.value)}
          w={140}
        />
      ))}
      {scope === "farm" && <ProjectFilter value={filters.project ?? null} onChange={set("project")} />}
      {Object.keys(filters).length > 0 && (
        <Button
          variant="subtle"
          onClick={() => {
            onChange(Object.fromEntries(FILTERS.map((name) => [name, null])));
            setCleared((times) => times + 1);
          }}
        >
          {strings.audit.clear}
        </Button>
      )}
    </Group>
  );
}

interface TypedProps extends Pick<TextInputProps, "w"> {
  label: string;
  hint?: string;
  value: string | undefined;
  onChange: (value: string) => void;
  offered?: readonly string[];
}

/** Waits for a pause in the typing before it asks the farm. */
function Typed({ label, hint, value = "", onChange, offered, w = 165 }: TypedProps) {
  const [typed, setTyped] = useState(value);
  const tell = useDebouncedCallback((next: string) => onChange(next.trim()), TYPING_MS);
  const change = (next: string) => {
    setTyped(next);
    tell(next);
  };
  if (offered === undefined) {
    return (
      <TextInput
        label={label}
        placeholder={hint}
        value={typed}
        onChange={({ currentTarget }) => change(currentTarget.value)}
        w={w}
      />
    );
  }
  return <Autocomplete label={label} placeholder={hint} data={[...offered]} value={typed} onChange={change} w={w} />;
}
