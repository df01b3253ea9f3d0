"use client";
// What a project has paid in advance.
import { Badge, Button, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { $api, api, type Schemas } from "@/shared/api/client";
import { itemsOf, paged } from "@/shared/api/paging";
import { useRefresh } from "@/shared/api/refresh";
import { formatMoney, formatTime } from "@/shared/format/format";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const WORDS = strings.projects;
const PATH = "/v1/projects/{slug}/credits";

export function CreditsSection({ slug }: { slug: string }) {
  const query = $api.useInfiniteQuery("get", PATH, { params: { path: { slug } }, paged: true }, paged);
  const [isBooking, booking] = useDisclosure(false);
  const first = query.data?.pages[0];
  return (
    <Section
      title={WORDS.credits}
      words={WORDS.creditsWords}
      badge={first?.prepaid === true && <Badge variant="light">{WORDS.prepaid}</Badge>}
      actions={
        <Button variant="default" onClick={booking.open}>
          {WORDS.addCredit} …
        </Button>
      }
    >
      <QueryStates query={query}>
        {(data) => {
          const { prepaid, balance, currency } = data.pages[0] as Schemas["CreditsView"];
          const items = itemsOf<Schemas["CreditView"]>(data);
          return (
            <Stack>
              <Group justify="space-between">
                <Text size="sm">{WORDS.balance(moneyOf(balance, currency))}</Text>
                <PrepaidButton slug={slug} prepaid={prepaid} />
              </Group>
              {items.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {WORDS.noCredits}
                </Text>
              ) : (
                <CreditTable credits={items} currency={currency} />
              )}
              <LoadMore query={query} />
            </Stack>
          );
        }}
      </QueryStates>
      <BookingDialog slug={slug} isOpen={isBooking} onClose={booking.close} />
    </Section>
  );
}

function moneyOf(amount: string, currency: string | null): string {
  return currency === null ? amount : formatMoney(amount, currency);
}

function PrepaidButton({ slug, prepaid }: { slug: string; prepaid: boolean }) {
  const refresh = useRefresh();
  return (
    <ConfirmButton
      size="xs"
      variant="default"
      words={prepaid ? WORDS.turnOff : WORDS.turnOn}
      question={prepaid ? WORDS.prepaidOffAsk : WORDS.prepaidOnAsk}
      consequence={prepaid ? WORDS.prepaidOffWords : WORDS.prepaidOnWords}
      onConfirm={async () => {
        await api.PUT("/v1/projects/{slug}/prepaid", { params: { path: { slug } }, body: { prepaid: !prepaid } });
        notifyDone(prepaid ? WORDS.prepaidOff : WORDS.prepaidOn);
        await refresh(PATH, "/v1/projects/{slug}/budget", "/v1/queues");
      }}
    />
  );
}

function CreditTable({ credits, currency }: { credits: readonly Schemas["CreditView"][]; currency: string | null }) {
  const columns = WORDS.creditColumns;
  return (
    <Table.ScrollContainer minWidth={520}>
      <Table aria-label={WORDS.credits}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.at}</Table.Th>
            <Table.Th ta="right">{columns.amount}</Table.Th>
            <Table.Th>{columns.reference}</Table.Th>
            <Table.Th>{columns.by}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {credits.map((credit) => (
            <Table.Tr key={credit.id}>
              <Table.Td>{formatTime(credit.at)}</Table.Td>
              <Table.Td ta="right">{moneyOf(credit.amount, currency)}</Table.Td>
              <Table.Td style={{ overflowWrap: "anywhere" }}>
                {credit.reference}
                {credit.note !== "" && (
                  <Text size="xs" c="dimmed">
                    {credit.note}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{credit.created_by}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

interface BookingDialogProps {
  slug: string;
  isOpen: boolean;
  onClose: () => void;
}

function BookingDialog({ slug, isOpen, onClose }: BookingDialogProps) {
  const refresh = useRefresh();
  const form = useForm({ initialValues: { amount: "", reference: "", note: "" } });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={WORDS.addCredit}
      words={WORDS.addCredit}
      form={form}
      onSubmit={async ({ amount, reference, note }) => {
        await api.POST(PATH, {
          params: { path: { slug } },
          body: { amount: amount.trim(), reference: reference.trim(), note: note.trim() },
        });
        notifyDone(WORDS.booked);
        await refresh(PATH, "/v1/projects/{slug}/budget", "/v1/queues");
      }}
    >
      <TextInput
        label={WORDS.creditAmount}
        description={WORDS.creditAmountHint}
        inputMode="decimal"
        required
        {...form.getInputProps("amount")}
      />
      <TextInput
        label={WORDS.creditReference}
        description={WORDS.creditReferenceHint}
        required
        maxLength={200}
        {...form.getInputProps("reference")}
      />
      <TextInput label={WORDS.note} maxLength={500} {...form.getInputProps("note")} />
    </FormDialog>
  );
}
