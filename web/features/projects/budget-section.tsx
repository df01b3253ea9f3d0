"use client";
// How much a project may spend, and has.
import { Alert, Progress, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconHandStop } from "@tabler/icons-react";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { formatMoney } from "@/shared/format/format";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { VersionedForm } from "./versioned-form";

const WORDS = strings.projects;
const PATH = "/v1/projects/{slug}/budget";
const PERIODS = (["month", "total"] as const).map((value) => ({ value, label: WORDS.periods[value] }));
type Budget = Schemas["BudgetView"];

export function BudgetSection({ slug }: { slug: string }) {
  const query = useVersioned(PATH, slug, () => api.GET(PATH, { params: { path: { slug } } }));
  return (
    <Section title={WORDS.budget} words={WORDS.budgetWords}>
      <QueryStates query={query}>
        {(seen) => (
          <Stack>
            <Spending budget={seen.data} />
            <BudgetForm key={seen.etag} slug={slug} seen={seen} />
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

function Spending({ budget }: { budget: Budget }) {
  const money = (amount: string) => (budget.currency === null ? amount : formatMoney(amount, budget.currency));
  const words =
    budget.amount === null
      ? WORDS.spent(money(budget.spent))
      : WORDS.spentOf(money(budget.spent), money(budget.amount));
  const fraction =
    budget.amount === null || Number(budget.amount) === 0 ? null : Number(budget.spent) / Number(budget.amount);
  return (
    <Stack gap={6}>
      <Text size="sm">{words}</Text>
      {fraction !== null && (
        <Progress
          value={Math.min(100, fraction * 100)}
          color={fraction >= 1 ? "red" : fraction >= 0.8 ? "orange" : "iris"}
          aria-label={words}
        />
      )}
      {budget.period === "month" && (
        <Text size="xs" c="dimmed">
          {WORDS.spentEver(money(budget.spent_ever))}
        </Text>
      )}
      {budget.stopped !== null && (
        <Alert color="yellow" icon={<IconHandStop aria-hidden />}>
          {WORDS.stopped(WORDS.stops[budget.stopped] ?? budget.stopped)}
        </Alert>
      )}
    </Stack>
  );
}

function BudgetForm({ slug, seen }: { slug: string; seen: Versioned<Budget> }) {
  const refresh = useRefresh();
  const form = useForm<{ amount: string; period: Budget["period"] }>({
    initialValues: { amount: seen.data.amount ?? "", period: seen.data.period },
  });
  return (
    <VersionedForm
      form={form}
      done={WORDS.budgetSaved}
      onSave={async ({ amount, period }) => {
        try {
          await api.PUT(PATH, {
            params: { path: { slug }, header: ifMatch(seen.etag) },
            body: { amount: amount.trim() === "" ? null : amount.trim(), period },
          });
        } finally {
          await refresh(PATH, "/v1/queues");
        }
      }}
    >
      <TextInput
        label={WORDS.budgetAmount}
        description={WORDS.budgetAmountHint}
        inputMode="decimal"
        rightSection={<Text size="xs">{seen.data.currency}</Text>}
        rightSectionWidth={48}
        {...form.getInputProps("amount")}
      />
      <SegmentedControl aria-label={WORDS.budgetPeriod} data={PERIODS} {...form.getInputProps("period")} />
    </VersionedForm>
  );
}
