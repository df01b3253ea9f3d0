"use client";
// Counted licences: how many chunks may hold each at once.
import { Button, Group, NumberInput, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconLicense } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { ifMatch, useVersioned } from "@/shared/api/versioned";
import { formatNumber } from "@/shared/format/format";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const WORDS = strings.farm;
const PATH = "/v1/licences/{name}";
const MOST = 1_000_000;
type Licence = Schemas["LicenceView"];

export function LicencesPanel() {
  const query = $api.useQuery("get", "/v1/licences", {});
  const may = useMay();
  const [isAdding, setAdding] = useState(false);
  const add = may("farm:operate") && <Button onClick={() => setAdding(true)}>{WORDS.addLicence} …</Button>;
  return (
    <Section title={WORDS.tabs.licences} words={WORDS.licencesWords} actions={add}>
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={<Empty icon={<IconLicense aria-hidden />} title={WORDS.noLicences} words={WORDS.noLicencesWords} />}
      >
        {(page) => <Licences licences={page.items} />}
      </QueryStates>
      <LicenceDialog isOpen={isAdding} licence={null} etag={undefined} onClose={() => setAdding(false)} />
    </Section>
  );
}

function Licences({ licences }: { licences: readonly Licence[] }) {
  const may = useMay();
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{WORDS.licenceColumns.name}</Table.Th>
            <Table.Th ta="right">{WORDS.licenceColumns.capacity}</Table.Th>
            {may("farm:operate") && (
              <Table.Th>
                <VisuallyHidden>{WORDS.change}</VisuallyHidden>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {licences.map((licence) => (
            <Table.Tr key={licence.name}>
              <Table.Th scope="row">{licence.name}</Table.Th>
              <Table.Td ta="right">{formatNumber(licence.capacity)}</Table.Td>
              {may("farm:operate") && (
                <Table.Td>
                  <Actions licence={licence} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Actions({ licence }: { licence: Licence }) {
  const [isOpen, setOpen] = useState(false);
  const refresh = useRefresh();
  const name = licence.name;
  const seen = useVersioned(PATH, name, () => api.GET(PATH, { params: { path: { name } } }), isOpen);
  return (
    <Group justify="flex-end" gap="xs" wrap="nowrap">
      <Button
        size="xs"
        variant="default"
        aria-label={`${WORDS.change} ${name}`}
        loading={isOpen && seen.isPending}
        onClick={() => setOpen(true)}
      >
        {WORDS.change} …
      </Button>
      <ConfirmButton
        size="xs"
        variant="subtle"
        color="red"
        words={WORDS.remove}
        label={WORDS.dropLicence(name)}
        question={`${WORDS.dropLicence(name)}?`}
        consequence={WORDS.dropLicenceWords}
        onConfirm={async () => {
          await api.DELETE(PATH, { params: { path: { name } } });
          notifyDone(WORDS.licenceDropped(name));
          await refresh();
        }}
      />
      {seen.data !== undefined && (
        <LicenceDialog
          key={seen.data.etag}
          isOpen={isOpen}
          licence={seen.data.data}
          etag={seen.data.etag}
          onClose={() => setOpen(false)}
        />
      )}
    </Group>
  );
}

interface LicenceDialogProps {
  isOpen: boolean;
  /** Null: a new one. */
  licence: Licence | null;
  etag: string | undefined;
  onClose: () => void;
}

function LicenceDialog({ isOpen, licence, etag, onClose }: LicenceDialogProps) {
  const refresh = useRefresh();
  const form = useForm<{ name: string; capacity: number | string }>({
    initialValues: { name: licence?.name ?? "", capacity: licence?.capacity ?? 1 },
  });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={licence === null ? WORDS.addLicence : `${WORDS.change} ${licence.name}`}
      words={WORDS.save}
      form={form}
      onSubmit={async ({ name, capacity }) => {
        const params = { path: { name: name.trim() }, header: ifMatch(etag) };
        await api.PUT(PATH, { params, body: { capacity: Number(capacity) } });
        notifyDone(WORDS.licenceSaved(name.trim()));
        await refresh();
      }}
    >
      <TextInput label={WORDS.licenceName} required disabled={licence !== null} {...form.getInputProps("name")} />
      <NumberInput
        label={WORDS.licenceCapacity}
        required
        min={0}
        max={MOST}
        allowDecimal={false}
        {...form.getInputProps("capacity")}
      />
    </FormDialog>
  );
}

function useRefresh() {
  const queries = useQueryClient();
  return () =>
    queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/v1/licences") });
}
