"use client";
// What the job is found by later, and how urgent it is.
import { Autocomplete, Input, SegmentedControl, SimpleGrid, TagsInput, TextInput } from "@mantine/core";
import { useGroups } from "@/features/groups/use-groups";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import { FormSection, type PartProps } from "./form-section";
import { errorAt } from "./refusals";

const words = strings.submit.organise;
const PRIORITIES = ["interactive", "normal", "batch"] as const;

/** `modelName`: what a job without a name is called. */
export function OrganisePart({ draft, change, errors, modelName }: PartProps<Draft> & { modelName: string | null }) {
  const groups = useGroups(draft.show);
  return (
    <FormSection title={words.title}>
      <TextInput
        label={words.name}
        value={draft.name}
        onChange={({ currentTarget }) => change({ name: currentTarget.value })}
        placeholder={modelName ?? words.untitled}
        maxLength={200}
        error={errors.name}
      />
      <Input.Wrapper
        label={words.priority}
        description={words.priorityWords[draft.priority]}
        labelElement="div"
        error={errors.priority}
      >
        <SegmentedControl
          mt={4}
          aria-label={words.priority}
          data={PRIORITIES.map((value) => ({ value, label: strings.jobs.priorities[value] }))}
          value={draft.priority}
          onChange={(priority) => change({ priority: priority as Draft["priority"] })}
        />
      </Input.Wrapper>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Autocomplete
          label={strings.jobs.show}
          data={groups.shows}
          value={draft.show}
          onChange={(show) => change({ show })}
          maxLength={100}
          error={errors.show}
        />
        <Autocomplete
          label={strings.jobs.shot}
          data={groups.shots}
          value={draft.shot}
          onChange={(shot) => change({ shot })}
          maxLength={100}
          description={draft.show.trim() === "" && draft.shot.trim() !== "" ? words.shotNeedsShow : undefined}
          error={errors.shot}
        />
      </SimpleGrid>
      <TagsInput
        label={strings.jobs.tag}
        data={groups.tags}
        value={draft.tags}
        onChange={(tags) => change({ tags })}
        maxTags={20}
        clearable
        error={errorAt(errors, "tags")}
      />
    </FormSection>
  );
}
