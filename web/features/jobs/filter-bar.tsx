"use client";
// Narrows the list. The name is asked for once somebody stops typing; the rest at once.
import { Button, CloseButton, Collapse, Group, MultiSelect, Pill, Select, Stack, TextInput, Chip } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFilter, IconSearch } from "@tabler/icons-react";
import { useState, type RefObject } from "react";
import { useGroups } from "@/features/groups/use-groups";
import { $api } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { isNarrowed, NO_FILTERS, SORTS, STATES, type JobFilters } from "./filters";

const TYPING_MS = 300;

interface FilterBarProps {
  filters: JobFilters;
  onChange: (part: Partial<JobFilters>) => void;
  search: RefObject<HTMLInputElement | null>;
}

export function FilterBar({ filters, onChange, search }: FilterBarProps) {
  const hasMore = [filters.show, filters.shot, filters.pipeline, filters.model].some(Boolean) || filters.tag.length > 0;
  const [isOpen, setOpen] = useState(hasMore);
  return (
    <Stack gap="xs" role="search" aria-label={strings.jobs.listed}>
      <Group gap="xs">
        <NameSearch filters={filters} onChange={onChange} search={search} />
        <MultiSelect
          aria-label={strings.jobs.state}
          placeholder={filters.state.length === 0 ? strings.jobs.anyState : undefined}
          data={STATES.map((state) => ({ value: state, label: strings.jobStates[state] }))}
          value={filters.state}
          onChange={(state) => onChange({ state: state as JobFilters["state"] })}
          clearable
          miw={170}
          maw={380}
        />
        <Chip checked={filters.mine} onChange={(mine) => onChange({ mine })} variant="light">
          {strings.jobs.mine}
        </Chip>
        <Select
          aria-label={strings.jobs.sort}
          data={SORTS.map((sort) => ({ value: sort, label: strings.jobs.sorts[sort] }))}
          value={filters.sort}
          onChange={(sort) => onChange({ sort: SORTS.find((each) => each === sort) ?? NO_FILTERS.sort })}
          allowDeselect={false}
          w={170}
        />
        <Button
          variant="default"
          leftSection={<IconFilter size={16} aria-hidden />}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? strings.jobs.fewerFilters : strings.jobs.moreFilters}
        </Button>
        {isNarrowed(filters) && (
          <Button variant="subtle" onClick={() => onChange({ ...NO_FILTERS, sort: filters.sort })}>
            {strings.jobs.clearFilters}
          </Button>
        )}
      </Group>
      <Collapse expanded={isOpen}>{isOpen && <MoreFilters filters={filters} onChange={onChange} />}</Collapse>
    </Stack>
  );
}

/** Keeps what is being typed, until the address says something that was not typed here. */
function NameSearch({ filters, onChange, search }: FilterBarProps) {
  const [typed, setTyped] = useState(filters.name);
  const [seen, setSeen] = useState(filters.name);
  const [asked, setAsked] = useState(filters.name);
  const ask = useDebouncedCallback((name: string) => {
    setAsked(name);
    onChange({ name });
  }, TYPING_MS);
  if (filters.name !== seen) {
    setSeen(filters.name);
    if (filters.name !== asked) {
      setAsked(filters.name);
      setTyped(filters.name);
    }
  }
  return (
    <TextInput
      ref={search}
      type="search"
      aria-label={strings.jobs.searchName}
      placeholder={strings.jobs.searchName}
      leftSection={<IconSearch size={16} aria-hidden />}
      value={typed}
      onChange={({ currentTarget }) => {
        setTyped(currentTarget.value);
        ask(currentTarget.value.trim());
      }}
      w={{ base: "100%", sm: 230 }}
    />
  );
}

function MoreFilters({ filters, onChange }: Omit<FilterBarProps, "search">) {
  const header = useProjectHeader();
  const groups = useGroups(filters.show);
  const pipelines = $api.useQuery("get", "/v1/pipelines", { params: { header } }, { staleTime: Infinity });
  const one = (value: string) => (value === "" ? null : value);
  return (
    <Group gap="xs" align="flex-end">
      <Select
        label={strings.jobs.show}
        data={withChosen(groups.shows, filters.show)}
        value={one(filters.show)}
        onChange={(show) => onChange({ show: show ?? "", shot: "" })}
        searchable
        clearable
        w={180}
      />
      <Select
        label={strings.jobs.shot}
        data={withChosen(groups.shots, filters.shot)}
        value={one(filters.shot)}
        onChange={(shot) => onChange({ shot: shot ?? "" })}
        disabled={filters.show === ""}
        searchable
        clearable
        w={180}
      />
      <MultiSelect
        label={strings.jobs.tag}
        data={[...new Set([...groups.tags, ...filters.tag])]}
        value={filters.tag}
        onChange={(tag) => onChange({ tag })}
        searchable
        clearable
        miw={180}
        maw={380}
      />
      <Select
        label={strings.jobs.pipeline}
        data={withChosen(pipelines.data?.items.map((each) => each.name) ?? [], filters.pipeline)}
        value={one(filters.pipeline)}
        onChange={(pipeline) => onChange({ pipeline: pipeline ?? "" })}
        clearable
        w={160}
      />
      {filters.model !== "" && <ModelPill model={filters.model} onClear={() => onChange({ model: "" })} />}
    </Group>
  );
}

function ModelPill({ model, onClear }: { model: string; onClear: () => void }) {
  const header = useProjectHeader();
  const found = $api.useQuery("get", "/v1/models/{model_id}", { params: { header, path: { model_id: model } } });
  return (
    <Group gap={4} h={36}>
      <Pill size="md">
        {strings.jobs.ofModel}: {found.data?.name ?? model}
      </Pill>
      <CloseButton aria-label={strings.jobs.clearModel} onClick={onClear} size="sm" />
    </Group>
  );
}

function withChosen(known: readonly string[], chosen: string): string[] {
  return [...new Set(chosen === "" ? known : [...known, chosen])];
}
