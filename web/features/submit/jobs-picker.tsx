"use client";
// Which jobs come first, found by their names.
import { ActionIcon, Group, Select, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconX } from "@tabler/icons-react";
import { useState } from "react";
import { $api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import { strings } from "@/strings/en";

type Dependency = Schemas["Dependency"];

const MOST = 20;
const TYPING_MS = 250;
const words = strings.submit.advanced;

interface JobsPickerProps {
  value: readonly Dependency[];
  onChange: (jobs: Dependency[]) => void;
  error: string | undefined;
}

export function JobsPicker({ value, onChange, error }: JobsPickerProps) {
  const header = useProjectHeader();
  const [typed, setTyped] = useState("");
  const [name] = useDebouncedValue(typed.trim(), TYPING_MS);
  const query = { limit: MOST, ...(name === "" ? {} : { name }) };
  const found = $api.useQuery("get", "/v1/jobs", { params: { header, query } });
  const taken = new Set(value.map((each) => each.job));
  return (
    <Stack gap="xs">
      <Select
        label={words.after}
        description={words.afterWords}
        placeholder={words.chooseJob}
        data={(found.data?.items ?? [])
          .filter((job) => !taken.has(job.id))
          .map((job) => ({ value: job.id, label: `${job.name} (${job.frames})` }))}
        value={null}
        searchValue={typed}
        onSearchChange={setTyped}
        onChange={(job) => {
          if (job === null) return;
          onChange([...value, { job, by: "job" }]);
          setTyped("");
        }}
        searchable
        nothingFoundMessage={strings.shell.nothingFound}
        filter={({ options }) => options} // the farm has searched
        error={error ?? (found.error === null ? undefined : asProblem(found.error).message)}
      />
      {value.map((each) => (
        <Chosen
          key={each.job}
          dependency={each}
          onChange={(by) => onChange(value.map((one) => (one.job === each.job ? { ...one, by } : one)))}
          onRemove={() => onChange(value.filter((one) => one.job !== each.job))}
        />
      ))}
    </Stack>
  );
}

interface ChosenProps {
  dependency: Dependency;
  onChange: (by: Dependency["by"]) => void;
  onRemove: () => void;
}

function Chosen({ dependency, onChange, onRemove }: ChosenProps) {
  const header = useProjectHeader();
  const path = { job_id: dependency.job };
  const { data: job } = $api.useQuery("get", "/v1/jobs/{job_id}", { params: { header, path } });
  const name = job?.name ?? dependency.job;
  return (
    <Group gap="xs" wrap="nowrap">
      <Text size="sm" flex={1} truncate>
        {name}
      </Text>
      <Select
        aria-label={words.by(name)}
        data={[
          { value: "job", label: words.byJob },
          { value: "frame", label: words.byFrame },
        ]}
        value={dependency.by}
        onChange={(by) => onChange(by === "frame" ? "frame" : "job")}
        allowDeselect={false}
        size="xs"
        w={210}
      />
      <ActionIcon aria-label={words.notAfter(name)} onClick={onRemove}>
        <IconX size={16} aria-hidden />
      </ActionIcon>
    </Group>
  );
}
