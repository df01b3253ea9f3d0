"use client";
// Name and weight of a project.
import { NumberInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { VersionedForm } from "./versioned-form";

const WORDS = strings.projects;
const PATH = "/v1/projects/{slug}";

export function GeneralSection({ slug }: { slug: string }) {
  const query = useVersioned(PATH, slug, () => api.GET(PATH, { params: { path: { slug } } }));
  return (
    <Section title={WORDS.general}>
      <QueryStates query={query}>{(project) => <General key={project.etag} project={project} />}</QueryStates>
    </Section>
  );
}

function General({ project: { data, etag } }: { project: Versioned<Schemas["ProjectView"]> }) {
  const refresh = useRefresh();
  const form = useForm<{ name: string; weight: number | string }>({
    initialValues: { name: data.name, weight: data.weight },
  });
  return (
    <VersionedForm
      form={form}
      done={WORDS.generalSaved}
      onSave={async ({ name, weight }) => {
        try {
          await api.PATCH(PATH, {
            params: { path: { slug: data.slug }, header: ifMatch(etag) },
            body: { name: name.trim(), weight: Number(weight) },
          });
        } finally {
          await refresh(PATH, "/v1/projects", "/v1/queues");
        }
      }}
    >
      <TextInput label={WORDS.name} required {...form.getInputProps("name")} />
      <NumberInput
        label={WORDS.weight}
        description={WORDS.weightHint}
        required
        min={1}
        allowDecimal={false}
        {...form.getInputProps("weight")}
      />
    </VersionedForm>
  );
}
