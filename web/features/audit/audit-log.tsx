"use client";
// The audit log: `<AuditLog scope={{ project: slug }} />`, `<AuditLog scope="farm" />`; within <Suspense>.
import { Stack } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { AuditFilters } from "./audit-filters";
import { AuditTable } from "./audit-table";
import { filtersIn } from "./filters";
import { useAudit, type AuditScope } from "./use-audit";

export function AuditLog({ scope }: { scope: AuditScope }) {
  const address = useAddress();
  const filters = filtersIn(address.get);
  const query = useAudit(scope, filters);
  const seen = query.data === undefined ? [] : [...new Set(itemsOf(query.data).map((entry) => entry.action))].sort();
  const isNarrowed = Object.keys(filters).length > 0;
  return (
    <Stack>
      <AuditFilters scope={scope} filters={filters} actions={seen} onChange={address.set} />
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty
            icon={<IconShieldCheck aria-hidden />}
            title={isNarrowed ? strings.audit.noneFound : strings.audit.none}
            words={isNarrowed ? strings.audit.noneFoundWords : undefined}
          />
        }
      >
        {(data) => (
          <Stack>
            <AuditTable entries={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
    </Stack>
  );
}
