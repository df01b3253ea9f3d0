"use client";
// The filters of the page: they stand in its address, so that a link shows another what one sees.
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { addressOfFilters, filtersOf, type JobFilters } from "./filters";

export function useFilters(): [JobFilters, (change: Partial<JobFilters>) => void] {
  const address = useSearchParams();
  const path = usePathname();
  const router = useRouter();
  const filters = useMemo(() => filtersOf(new URLSearchParams(address)), [address]);
  const change = useCallback(
    (part: Partial<JobFilters>) => {
      const query = addressOfFilters({ ...filters, ...part });
      router.replace(query === "" ? path : `${path}?${query}`, { scroll: false });
    },
    [filters, path, router],
  );
  return [filters, change];
}
