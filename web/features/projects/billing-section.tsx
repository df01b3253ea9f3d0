"use client";
// Whom invoices of a project go to.
import { Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { VersionedForm } from "./versioned-form";

const WORDS = strings.projects;
const PATH = "/v1/projects/{slug}/billing";

export function BillingSection({ slug }: { slug: string }) {
  const query = useVersioned(PATH, slug, () => api.GET(PATH, { params: { path: { slug } } }));
  return (
    <Section title={WORDS.billing} words={WORDS.billingWords}>
      <QueryStates query={query}>{(seen) => <Billing key={seen.etag} slug={slug} seen={seen} />}</QueryStates>
    </Section>
  );
}

function Billing({ slug, seen }: { slug: string; seen: Versioned<Schemas["ProfileView"]> }) {
  const refresh = useRefresh();
  const form = useForm({
    initialValues: {
      recipient: seen.data.recipient ?? "",
      tax_id: seen.data.tax_id ?? "",
      stripe_customer: seen.data.stripe_customer ?? "",
    },
  });
  return (
    <VersionedForm
      form={form}
      done={WORDS.billingSaved}
      onSave={async ({ recipient, tax_id, stripe_customer }) => {
        try {
          await api.PUT(PATH, {
            params: { path: { slug }, header: ifMatch(seen.etag) },
            body: { recipient, tax_id: tax_id.trim(), stripe_customer: stripe_customer.trim() || null },
          });
        } finally {
          await refresh(PATH);
        }
      }}
    >
      <Textarea label={WORDS.recipient} autosize minRows={3} {...form.getInputProps("recipient")} />
      <TextInput label={WORDS.taxId} {...form.getInputProps("tax_id")} />
      <TextInput
        label={WORDS.stripeCustomer}
        description={WORDS.stripeCustomerHint}
        {...form.getInputProps("stripe_customer")}
      />
    </VersionedForm>
  );
}
