"use client";
// What a project may have at most.
import { NumberInput, SimpleGrid } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { formatBytes, formatNumber } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { QUOTAS, quotasOf, valuesOf, type QuotaName, type QuotaValues } from "./quotas";
import { VersionedForm } from "./versioned-form";

const WORDS = strings.projects;
const PATH = "/v1/projects/{slug}/quotas";

export function QuotasSection({ slug }: { slug: string }) {
  const query = useVersioned(PATH, slug, () => api.GET(PATH, { params: { path: { slug } } }));
  return (
    <Section title={WORDS.quotas} words={WORDS.quotasWords}>
      <QueryStates query={query}>{(seen) => <Quotas key={seen.etag} slug={slug} seen={seen} />}</QueryStates>
    </Section>
  );
}

function Quotas({ slug, seen }: { slug: string; seen: Versioned<Schemas["QuotasView"]> }) {
  const refresh = useRefresh();
  const form = useForm<QuotaValues>({ initialValues: valuesOf(seen.data.quotas) });
  const used: Partial<Record<QuotaName, string>> = {
    queued_frames: formatNumber(seen.data.used.queued_frames),
    stored_bytes: formatBytes(seen.data.used.stored_bytes),
  };
  return (
    <VersionedForm
      form={form}
      done={WORDS.quotasSaved}
      onSave={async (values) => {
        try {
          await api.PUT(PATH, { params: { path: { slug }, header: ifMatch(seen.etag) }, body: quotasOf(values) });
        } finally {
          await refresh(PATH);
        }
      }}
    >
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {QUOTAS.map((name) => {
          const use = used[name];
          return (
            <NumberInput
              key={name}
              label={WORDS.quotaNames[name]}
              description={[WORDS.quotaHints[name], use !== undefined && WORDS.used(use)].filter(Boolean).join(" ")}
              min={0}
              allowDecimal={false}
              thousandSeparator=" "
              {...form.getInputProps(name)}
            />
          );
        })}
      </SimpleGrid>
    </VersionedForm>
  );
}
