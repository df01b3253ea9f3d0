"use client";
// A new version of the prices, begun from the one before.
import { ActionIcon, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconX } from "@tabler/icons-react";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";

const WORDS = strings.projects;
const FIELDS = [
  ["gpu_second", WORDS.perGpuSecond],
  ["cpu_second", WORDS.perCpuSecond],
  ["byte_month", WORDS.perByteMonth],
  ["byte_sent", WORDS.perByteSent],
] as const;
type Pricing = Required<Schemas["PoolPricing"]>;

interface PricesDialogProps {
  /** The newest version; null: these are the first. */
  before: Schemas["PriceListView"] | null;
  onClose: () => void;
}

export function PricesDialog({ before, onClose }: PricesDialogProps) {
  const refresh = useRefresh();
  const form = useForm<{ currency: string; valid_from: string; note: string; prices: Pricing[] }>({
    initialValues: {
      currency: before?.currency ?? "",
      valid_from: "",
      note: "",
      prices: (before?.prices ?? [{ pool: "*" }]).map(pricingOf),
    },
  });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={WORDS.addPrices}
      words={WORDS.addPrices}
      size="xl"
      form={form}
      onSubmit={async ({ currency, valid_from, note, prices }) => {
        const { data } = await api.POST("/v1/prices", {
          body: {
            currency: currency.trim().toUpperCase(),
            valid_from: valid_from === "" ? null : new Date(valid_from).toISOString(),
            note: note.trim(),
            prices,
          },
        });
        notifyDone(WORDS.pricesAdded(data?.version ?? 0));
        await refresh("/v1/prices", "/v1/pace");
      }}
    >
      <Group grow align="flex-start">
        <TextInput
          label={WORDS.currency}
          description={WORDS.currencyHint}
          required
          maxLength={3}
          disabled={before !== null}
          {...form.getInputProps("currency")}
        />
        <TextInput
          type="datetime-local"
          label={WORDS.begins}
          description={WORDS.beginsHint}
          {...form.getInputProps("valid_from")}
        />
      </Group>
      <Stack gap="xs" component="fieldset" m={0} p={0} bd="none">
        <Text component="legend" size="sm" fw={500}>
          {WORDS.pools}
        </Text>
        <Text size="xs" c="dimmed">
          {WORDS.anyPoolHint}
        </Text>
        {form.values.prices.map((price, index) => (
          <Group key={index} align="flex-end" gap="xs">
            <TextInput label={WORDS.pool} required w={110} {...form.getInputProps(`prices.${index}.pool`)} />
            {FIELDS.map(([field, label]) => (
              <TextInput
                key={field}
                label={label}
                inputMode="decimal"
                w={120}
                // What is stored and sent is in no pool.
                disabled={field.startsWith("byte") && price.pool !== "*"}
                {...form.getInputProps(`prices.${index}.${field}`)}
              />
            ))}
            <ActionIcon
              size="lg"
              aria-label={WORDS.removePool(price.pool)}
              disabled={form.values.prices.length === 1}
              onClick={() => form.removeListItem("prices", index)}
            >
              <IconX size={18} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        <Button
          variant="default"
          size="xs"
          onClick={() => form.insertListItem("prices", pricingOf({ pool: "" }))}
          style={{ alignSelf: "start" }}
        >
          {WORDS.addPool}
        </Button>
      </Stack>
      <TextInput label={WORDS.note} maxLength={500} {...form.getInputProps("note")} />
    </FormDialog>
  );
}

function pricingOf(price: Schemas["PoolPricing"] | { pool: string }): Pricing {
  return { gpu_second: "0", cpu_second: "0", byte_month: "0", byte_sent: "0", ...price } as Pricing;
}
