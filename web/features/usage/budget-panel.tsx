"use client";
// What may be spent, and how much of it is.
import { Alert, Button, Progress, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMay } from "@/shared/api/me";
import { formatMoney } from "@/shared/format/format";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { money, useBudget, useLimitActions, type Budget } from "./use-usage";

export function BudgetPanel() {
  const query = useBudget();
  const may = useMay();
  const [isChanging, change] = useDisclosure(false);
  return (
    <Section
      title={strings.usage.budget}
      actions={
        may("farm:admin") && query.data !== undefined ? (
          <Button size="xs" variant="default" onClick={change.open} aria-label={strings.usage.changeBudget}>
            {strings.usage.change}
          </Button>
        ) : undefined
      }
    >
      <QueryStates query={query}>
        {({ value, tag }) => (
          <>
            <Spending budget={value} isAdmin={may("farm:admin")} />
            {isChanging && <BudgetForm budget={value} tag={tag} onClose={change.close} />}
          </>
        )}
      </QueryStates>
    </Section>
  );
}

function Spending({ budget, isAdmin }: { budget: Budget; isAdmin: boolean }) {
  const show = (amount: string) => money(amount, budget.currency, formatMoney);
  const percent = budget.amount === null ? 0 : shareOf(budget.spent, budget.amount);
  return (
    <Stack gap="xs">
      {budget.stopped !== null && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />}>
          {strings.usage.stopped[budget.stopped] ?? budget.stopped}{" "}
          {budget.stopped !== "maintenance" && !isAdmin && strings.usage.askAdmin}
        </Alert>
      )}
      {budget.amount === null ? (
        <Text size="sm">{strings.usage.noBudget}</Text>
      ) : (
        <>
          <Text fw={650} size="lg">
            {strings.usage.spentOf(show(budget.spent), show(budget.amount))}
          </Text>
          <Progress.Root size="lg">
            <Progress.Section
              value={Math.min(percent, 100)}
              color={percent >= 100 ? "red" : percent >= 80 ? "orange" : "iris"}
              aria-label={strings.usage.share}
            />
          </Progress.Root>
          <Text size="xs" c="dimmed">
            {strings.usage.budgetPeriods[budget.period]}.{" "}
            {strings.usage.thresholds(budget.thresholds.map((each) => `${each} %`).join(", "))}
          </Text>
        </>
      )}
      <Text size="xs" c="dimmed">
        {strings.usage.spentEver(show(budget.spent_ever))}
      </Text>
    </Stack>
  );
}

/** Percent, for a bar; a budget of nothing is spent. */
function shareOf(spent: string, amount: string): number {
  const whole = Number(amount);
  return whole > 0 ? (Number(spent) / whole) * 100 : 100;
}

function BudgetForm({ budget, tag, onClose }: { budget: Budget; tag: string | null; onClose: () => void }) {
  const { setBudget } = useLimitActions();
  const form = useForm({ initialValues: { amount: budget.amount ?? "", period: budget.period } });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={strings.usage.changeBudget}
      form={form}
      words={strings.usage.save}
      onSubmit={async ({ amount, period }) => {
        await setBudget(tag, { amount: amount.trim() === "" ? null : amount.trim(), period });
        notifyDone(strings.usage.saved);
      }}
    >
      <TextInput
        label={strings.usage.amount}
        description={strings.usage.amountHint}
        inputMode="decimal"
        rightSection={<Text size="sm">{budget.currency}</Text>}
        rightSectionWidth={52}
        data-autofocus
        {...form.getInputProps("amount")}
      />
      <Select
        label={strings.usage.budgetPeriod}
        data={(["month", "total"] as const).map((each) => ({ value: each, label: strings.usage.budgetPeriods[each] }))}
        allowDeselect={false}
        {...form.getInputProps("period")}
      />
    </FormDialog>
  );
}
