// What the audit log is narrowed to, as it stands in the address and as the API takes it.
export const FILTERS = ["actor", "action", "resource_type", "resource_id", "since", "until", "project"] as const;
export type Filter = (typeof FILTERS)[number];
export type Filters = Partial<Record<Filter, string>>;

/** `read`: what stands in the address under a name. Days are those of the reader; the last one counts in full. */
export function filtersIn(read: (name: string) => string | null): Filters {
  const filters: Filters = {};
  for (const name of FILTERS) {
    const value = read(name);
    if (value !== null && value !== "") filters[name] = value;
  }
  return filters;
}

export function asQuery({ since, until, ...words }: Filters): Filters {
  const begin = since === undefined ? undefined : dayStart(since, 0);
  const end = until === undefined ? undefined : dayStart(until, 1);
  return { ...words, ...(begin && { since: begin }), ...(end && { until: end }) };
}

/** Undefined where it is no day. */
function dayStart(day: string, later: number): string | undefined {
  const start = new Date(`${day}T00:00:00`);
  if (Number.isNaN(start.getTime())) return undefined;
  start.setDate(start.getDate() + later);
  return start.toISOString();
}
