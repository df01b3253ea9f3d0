"use client";
// The models of the project, as the address says which and in what order.
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { MODEL_STATES, type ModelState } from "./model-state";

export type ModelKind = Schemas["ModelKind"];
export type ModelSort = Schemas["ModelSort"];

export interface ModelChoice {
  name: string;
  states: ModelState[];
  kinds: ModelKind[];
  sort: ModelSort;
}

const PAGE = 50;
export const MODEL_KINDS = Object.keys(strings.models.kinds) as ModelKind[];

/** What is chosen, read from `?name=&state=&kind=&sort=`, and a way to change it. */
export function useModelChoice(): [ModelChoice, (change: Partial<ModelChoice>) => void] {
  const params = useSearchParams();
  const router = useRouter();
  const path = usePathname() ?? "";
  const choice: ModelChoice = {
    name: params.get("name") ?? "",
    states: params.getAll("state").filter((state): state is ModelState => MODEL_STATES.includes(state as ModelState)),
    kinds: params.getAll("kind").filter((kind): kind is ModelKind => MODEL_KINDS.includes(kind as ModelKind)),
    sort: params.get("sort") === "name" ? "name" : "-created_at",
  };
  return [choice, change];

  function change(part: Partial<ModelChoice>) {
    const next = { ...choice, ...part };
    const query = new URLSearchParams();
    if (next.name !== "") query.set("name", next.name);
    for (const state of next.states) query.append("state", state);
    for (const kind of next.kinds) query.append("kind", kind);
    if (next.sort === "name") query.set("sort", "name");
    router.replace(query.size === 0 ? path : `${path}?${query}`, { scroll: false });
  }
}

export function useModels({ name, states, kinds, sort }: ModelChoice) {
  const header = useProjectHeader();
  const query = {
    limit: PAGE,
    sort,
    ...(name.trim() === "" ? {} : { name: name.trim() }),
    ...(states.length === 0 ? {} : { state: states }),
    ...(kinds.length === 0 ? {} : { kind: kinds }),
  };
  return $api.useInfiniteQuery(
    "get",
    "/v1/models",
    { params: { header, query } },
    {
      pageParamName: "cursor",
      initialPageParam: null as string | null,
      getNextPageParam: (page: Schemas["Page_ModelView_"]) => page.next_cursor ?? null,
      placeholderData: (before) => before, // what was found stays until what is sought is there
    },
  );
}
