"use client";
import { Select } from "@mantine/core";
import { useState } from "react";
import { $api } from "@/shared/api/client";
import { strings } from "@/strings/en";

const MOST_SHOWN = 50;

interface ProjectFilterProps {
  /** Id of the project; null: all. */
  value: string | null;
  onChange: (id: string) => void;
}

export function ProjectFilter({ value, onChange }: ProjectFilterProps) {
  const [typed, setTyped] = useState("");
  const first = $api.useQuery("get", "/v1/projects", { params: { query: { limit: MOST_SHOWN } } });
  const known = first.data?.items ?? [];
  const name = known.some((each) => each.slug === typed) ? "" : typed;
  const query = { limit: MOST_SHOWN, ...(name !== "" && { name }) };
  const { data } = $api.useQuery("get", "/v1/projects", { params: { query } });
  const offered = new Map([...known, ...(data?.items ?? [])].map((each) => [each.id, each.slug]));
  if (value !== null && !offered.has(value)) offered.set(value, value);
  return (
    <Select
      label={strings.audit.project}
      placeholder={strings.audit.anyProject}
      data={[...offered].map(([id, slug]) => ({ value: id, label: slug }))}
      value={value}
      searchable
      clearable
      clearButtonProps={{ "aria-label": strings.audit.anyProject }}
      onSearchChange={setTyped}
      nothingFoundMessage={strings.shell.nothingFound}
      onChange={(id) => onChange(id ?? "")}
      w={190}
    />
  );
}
