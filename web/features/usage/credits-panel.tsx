"use client";
// What was paid in advance, and what is left of it.
import { Stack, Table, Text } from "@mantine/core";
import { formatMoney, formatTime } from "@/shared/format/format";
import { LoadMore } from "@/shared/ui/load-more";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { itemsOf } from "@/shared/api/paging";
import { strings } from "@/strings/en";
import { money, useCredits } from "./use-usage";

export function CreditsPanel() {
  const query = useCredits();
  return (
    <Section title={strings.usage.credits}>
      <QueryStates query={query}>
        {(data) => {
          const { prepaid = false, balance = "0", currency = null } = data.pages[0] ?? {};
          const payments = itemsOf(data);
          if (!prepaid && payments.length === 0) return <Text size="sm">{strings.usage.notPrepaid}</Text>;
          return (
            <Stack gap="xs">
              <Text fw={650} size="lg">
                {strings.usage.balance(money(balance, currency, formatMoney))}
              </Text>
              {!prepaid && <Text size="sm">{strings.usage.notPrepaid}</Text>}
              {payments.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {strings.usage.noPayment}
                </Text>
              ) : (
                <Table aria-label={strings.usage.payments} verticalSpacing={6}>
                  <Table.Tbody>
                    {payments.map((payment) => (
                      <Table.Tr key={payment.id}>
                        <Table.Td>
                          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                            {payment.reference}
                          </Text>
                          <Text size="xs" c="dimmed">
                            {formatTime(payment.at)}
                          </Text>
                        </Table.Td>
                        <Table.Td ta="right">{money(payment.amount, currency, formatMoney)}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              )}
              <LoadMore query={query} />
            </Stack>
          );
        }}
      </QueryStates>
    </Section>
  );
}
