"use client";
// How much the project may have at once, and of what is counted, how much it has.
import { Button, Group, Progress, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { useMay } from "@/shared/api/me";
import { formatBytes, formatNumber } from "@/shared/format/format";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { useLimitActions, useQuotas, type Quotas } from "./use-usage";

type QuotaName = keyof typeof strings.usage.quotaNames;

const NAMES = Object.keys(strings.usage.quotaNames) as QuotaName[];

export function QuotasPanel() {
  const query = useQuotas();
  const may = useMay();
  const [isChanging, change] = useDisclosure(false);
  return (
    <Section
      title={strings.usage.quotas}
      words={strings.usage.quotasWords}
      actions={
        may("farm:admin") && query.data !== undefined ? (
          <Button size="xs" variant="default" onClick={change.open} aria-label={strings.usage.changeQuotas}>
            {strings.usage.change}
          </Button>
        ) : undefined
      }
    >
      <QueryStates query={query}>
        {({ value, tag }) => (
          <>
            <Stack gap={8}>
              {NAMES.map((quota) => (
                <Quota key={quota} quota={quota} quotas={value} />
              ))}
            </Stack>
            {isChanging && <QuotasForm quotas={value} tag={tag} onClose={change.close} />}
          </>
        )}
      </QueryStates>
    </Section>
  );
}

function Quota({ quota, quotas }: { quota: QuotaName; quotas: Quotas }) {
  const most = quotas.quotas[quota] ?? null;
  const used = quota in quotas.used ? quotas.used[quota as keyof Quotas["used"]] : null;
  const show = (value: number) => (quota === "stored_bytes" ? formatBytes(value) : formatNumber(value));
  const limit = most === null ? strings.usage.noLimit : show(most);
  return (
    <div>
      <Group justify="space-between" gap="xs">
        <Text size="sm">{strings.usage.quotaNames[quota]}</Text>
        <Text size="sm" fw={600}>
          {used === null ? limit : most === null ? `${show(used)} · ${limit}` : strings.usage.usedOf(show(used), limit)}
        </Text>
      </Group>
      {used !== null && most !== null && (
        <Progress.Root size="sm" mt={4}>
          <Progress.Section
            value={most === 0 ? 100 : Math.min(100, (used / most) * 100)}
            color={used >= most ? "red" : "iris"}
            aria-label={strings.usage.quotaNames[quota]}
          />
        </Progress.Root>
      )}
    </div>
  );
}

function QuotasForm({ quotas, tag, onClose }: { quotas: Quotas; tag: string | null; onClose: () => void }) {
  const { setQuotas } = useLimitActions();
  const before = Object.fromEntries(NAMES.map((quota) => [quota, String(quotas.quotas[quota] ?? "")]));
  const form = useForm<Record<QuotaName, string>>({ initialValues: before as Record<QuotaName, string> });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={strings.usage.changeQuotas}
      form={form}
      words={strings.usage.save}
      onSubmit={async (values) => {
        const wish = NAMES.map((quota) => [quota, values[quota].trim() === "" ? null : Number(values[quota])]);
        await setQuotas(tag, Object.fromEntries(wish));
        notifyDone(strings.usage.saved);
      }}
    >
      <Text size="sm" c="dimmed">
        {strings.usage.quotaHint}
      </Text>
      {NAMES.map((quota) => (
        <TextInput
          key={quota}
          type="number"
          min={0}
          step={1}
          label={strings.usage.quotaNames[quota]}
          placeholder={strings.usage.noLimit}
          {...form.getInputProps(quota)}
        />
      ))}
    </FormDialog>
  );
}
