"use client";
// Which project one works in; changing it goes to the same page of the other.
import { Select } from "@mantine/core";
import { usePathname, useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { $api } from "@/shared/api/client";
import { lastProject, rememberProject, useProjectOrNone } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { addressOf, pageAt, PAGES } from "./pages";

const MOST_SHOWN = 50;

/**
 * The project of the address, else the one that was worked in last, else the first that one is in; null: none.
 * `isKnown`: the farm has said so.
 */
export function useWorkingProject(): { slug: string | null; isKnown: boolean } {
  const here = useProjectOrNone();
  const { data } = $api.useQuery("get", "/v1/projects", { params: { query: { limit: MOST_SHOWN } } });
  const last = typeof window === "undefined" ? null : lastProject();
  const slugs = data?.items.map((each) => each.slug) ?? [];
  const isListed = last !== null && slugs.includes(last);
  // Who is in more projects than are listed may have worked in another one.
  const isAsked = here === null && last !== null && slugs.length === MOST_SHOWN && !isListed;
  const asked = $api.useQuery(
    "get",
    "/v1/projects/{slug}",
    { params: { path: { slug: last ?? "" } } },
    { enabled: isAsked, staleTime: 60_000 },
  );
  useEffect(() => {
    if (here !== null) rememberProject(here);
  }, [here]);
  if (here !== null) return { slug: here, isKnown: true };
  if (isListed) return { slug: last, isKnown: true };
  if (isAsked && asked.isPending) return { slug: null, isKnown: false };
  const isThere = isAsked && asked.data !== undefined;
  return { slug: isThere ? last : (slugs[0] ?? null), isKnown: data !== undefined };
}

export function ProjectSwitcher() {
  const { slug: working } = useWorkingProject();
  const path = usePathname();
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const query = { limit: MOST_SHOWN, ...(typed === "" || typed === working ? {} : { name: typed }) };
  const { data } = $api.useQuery("get", "/v1/projects", { params: { query } });
  const slugs = new Set(data?.items.map((each) => each.slug));
  if (working !== null) slugs.add(working);

  return (
    <Select
      aria-label={strings.shell.project}
      placeholder={strings.shell.chooseProject}
      data={[...slugs]}
      value={working}
      searchable
      allowDeselect={false}
      onSearchChange={setTyped}
      nothingFoundMessage={strings.shell.nothingFound}
      onChange={(slug) => {
        if (slug === null || slug === working) return;
        rememberProject(slug);
        const page = pageAt(path ?? "", working);
        const same = page?.section === "project" || page?.section === "manage" ? page : PAGES[0];
        router.push((same && addressOf(same, slug)) ?? "/");
      }}
      w={{ base: 150, sm: 220 }}
      size="sm"
    />
  );
}
