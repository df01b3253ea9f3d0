"use client";
// Whom invoices are made out to; administrators of the farm change it.
import { Button, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { useProject } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const BILLING = "/v1/projects/{slug}/billing";

type Profile = Schemas["ProfileView"];

export function BillingAddress() {
  const path = { slug: useProject() };
  const may = useMay();
  const query = useTagged(BILLING, { path }, () => api.GET(BILLING, { params: { path } }));
  const [isChanging, change] = useDisclosure(false);
  return (
    <Section
      title={strings.invoices.address}
      actions={
        may("farm:admin") && query.data !== undefined ? (
          <Button size="xs" variant="default" onClick={change.open} aria-label={strings.invoices.changeAddress}>
            {strings.usage.change}
          </Button>
        ) : undefined
      }
    >
      <QueryStates query={query}>
        {({ value, tag }) => (
          <Stack gap="xs">
            <Text size="sm" style={{ whiteSpace: "pre-line" }}>
              {value.recipient || strings.invoices.noAddress}
            </Text>
            <Text size="sm">
              {strings.invoices.taxId}: {value.tax_id || strings.invoices.noTaxId}
            </Text>
            {isChanging && <AddressForm profile={value} tag={tag} onClose={change.close} />}
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

function AddressForm({ profile, tag, onClose }: { profile: Profile; tag: string | null; onClose: () => void }) {
  const path = { slug: useProject() };
  const refresh = useRefresh();
  const form = useForm({ initialValues: { recipient: profile.recipient ?? "", tax_id: profile.tax_id ?? "" } });

  async function save(values: { recipient: string; tax_id: string }) {
    try {
      const body = { ...profile, ...values };
      await api.PUT(BILLING, { params: { path, header: ifMatch(tag) }, body });
      notifyDone(strings.usage.saved);
    } finally {
      void refresh(BILLING);
    }
  }

  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={strings.invoices.changeAddress}
      form={form}
      words={strings.usage.save}
      onSubmit={save}
    >
      <Textarea
        label={strings.invoices.address}
        description={strings.invoices.addressHint}
        autosize
        minRows={4}
        data-autofocus
        {...form.getInputProps("recipient")}
      />
      <TextInput label={strings.invoices.taxId} {...form.getInputProps("tax_id")} />
    </FormDialog>
  );
}
