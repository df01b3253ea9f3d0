// What differs between two states of one thing.
export interface Change {
  field: string;
  how: "added" | "removed" | "changed";
  before: unknown;
  after: unknown;
}

type Fields = Record<string, unknown> | null;

/** Fields that are equal on both sides are left out; null for a side: there was nothing. */
export function changesBetween(before: Fields, after: Fields): Change[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.flatMap((field) => {
    const was = before?.[field];
    const is = after?.[field];
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const how = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    return [{ field, how, before: was, after: is }];
  });
}
