"use client";
import { Badge, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconFileInvoice } from "@tabler/icons-react";
import { $api, type Schemas } from "@/shared/api/client";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { formatMoney } from "@/shared/format/format";
import { DownloadMenu } from "@/shared/ui/download-menu";
import { LoadMore } from "@/shared/ui/load-more";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { BillingAddress } from "./billing-address";

type Invoice = Schemas["InvoiceSummary"];

export function InvoicesPage() {
  const slug = useProject();
  const params = { path: { slug } };
  const query = $api.useInfiniteQuery("get", "/v1/projects/{slug}/invoices", { params, paged: true }, paged);
  return (
    <Page title={strings.invoices.title}>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty
            icon={<IconFileInvoice aria-hidden />}
            title={strings.invoices.none}
            words={strings.invoices.noneWords}
          />
        }
      >
        {(data) => (
          <Stack>
            <InvoiceTable slug={slug} invoices={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <BillingAddress />
    </Page>
  );
}

function InvoiceTable({ slug, invoices }: { slug: string; invoices: readonly Invoice[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table aria-label={strings.invoices.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.invoices.number}</Table.Th>
            <Table.Th>{strings.invoices.month}</Table.Th>
            <Table.Th ta="right">{strings.invoices.net}</Table.Th>
            <Table.Th ta="right">{strings.invoices.tax}</Table.Th>
            <Table.Th ta="right">{strings.invoices.total}</Table.Th>
            <Table.Th>{strings.invoices.issued}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{strings.invoices.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {invoices.map((invoice) => (
            <Table.Tr key={invoice.number}>
              <Table.Th scope="row">
                {invoice.number}{" "}
                <Badge variant="light" color={invoice.kind === "invoice" ? "gray" : "orange"}>
                  {strings.invoices.kinds[invoice.kind]}
                </Badge>
                {invoice.corrects !== null && (
                  <Text size="xs" c="dimmed" fw={400}>
                    {strings.invoices.corrects(invoice.corrects)} {invoice.reason}
                  </Text>
                )}
              </Table.Th>
              <Table.Td>{invoice.month.slice(0, 7)}</Table.Td>
              <Table.Td ta="right">{formatMoney(invoice.net, invoice.currency)}</Table.Td>
              <Table.Td ta="right">{formatMoney(invoice.tax, invoice.currency)}</Table.Td>
              <Table.Td ta="right" fw={600}>
                {formatMoney(invoice.total, invoice.currency)}
              </Table.Td>
              <Table.Td>
                <TimeAgo at={invoice.issued_at} />
              </Table.Td>
              <Table.Td ta="right">
                <InvoiceDownload slug={slug} number={invoice.number} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const FORMATS = { pdf: "application/pdf", csv: "text/csv", json: "application/json" } as const;

function InvoiceDownload({ slug, number }: { slug: string; number: string }) {
  const path = `/v1/projects/${encodeURIComponent(slug)}/invoices/${encodeURIComponent(number)}`;
  return (
    <DownloadMenu
      size="xs"
      words={strings.invoices.download}
      label={strings.invoices.downloadLabel(number)}
      formats={(["pdf", "csv", "json"] as const).map((format) => ({
        name: strings.invoices[format],
        path,
        file: `${number}.${format}`,
        headers: { Accept: FORMATS[format] },
      }))}
    />
  );
}
