// Lists that are read page by page: `$api.useInfiniteQuery("get", path, { params, paged: true }, paged)`. The mark in
// the request keeps its pages apart from what `useQuery` holds of the same path.
interface PageOf<Item> {
  items: Item[];
  next_cursor?: string | null;
}

export const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: (last: { next_cursor?: string | null }) => last.next_cursor ?? undefined,
};

/** All items that were read so far. */
export function itemsOf<Item>(data: { pages: PageOf<Item>[] }): Item[] {
  return data.pages.flatMap((page) => page.items);
}

export function hasNoItems(data: { pages: PageOf<unknown>[] }): boolean {
  return data.pages.every((page) => page.items.length === 0);
}
