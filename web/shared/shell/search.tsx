"use client";
// Ctrl+K: go to a page, or to a job or model of the project by its name.
import { Spotlight, spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import { IconMovie, IconPackage, IconSearch } from "@tabler/icons-react";
import { useRouter } from "next/navigation";
import { useEffect, useState, type KeyboardEvent } from "react";
import { $api } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { projectHeader } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { addressOf, PAGES } from "./pages";
import "@mantine/spotlight/styles.css";

const MOST_FOUND = 8;

/** `asked`: raised each time somebody asks for it by a button. */
export function Search({ project, asked }: { project: string | null; asked: number }) {
  const router = useRouter();
  const may = useMay();
  const [typed, setTyped] = useState("");
  const [name] = useDebouncedValue(typed.trim(), 200);
  const found = useFound(project, name);

  useEffect(() => {
    if (asked > 0) spotlight.open();
  }, [asked]);

  /** What is found comes after the words were typed, so nothing of it is chosen yet: Enter takes the first. */
  function takeFirst(press: KeyboardEvent) {
    const first = found[0]?.actions[0];
    if (press.key !== "Enter" || first === undefined || press.nativeEvent.isComposing) return;
    if (document.querySelector("[data-action][data-selected]") !== null) return;
    press.preventDefault();
    spotlight.close();
    router.push(first.address);
  }

  const pages: SpotlightActionGroupData = {
    group: strings.shell.navigation,
    actions: PAGES.filter((page) => may(page.needs)).flatMap((page) => {
      const address = addressOf(page, project);
      if (address === null) return [];
      const Icon = page.icon;
      const label = strings.shell.pages[page.name];
      return [{ id: page.href, label, leftSection: <Icon size={18} />, onClick: () => router.push(address) }];
    }),
  };
  return (
    <Spotlight
      actions={[...found.map((group) => ({ ...group, actions: group.actions.map(go) })), pages]}
      onQueryChange={setTyped}
      shortcut={null}
      attributes={{ content: { "aria-label": strings.shell.search } }}
      nothingFound={strings.shell.nothingFound}
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: strings.shell.searchHint,
        "aria-label": strings.shell.search,
        onKeyDown: takeFirst,
      }}
      limit={30}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
    />
  );

  function go(entry: Found) {
    const Icon = entry.kind === "job" ? IconMovie : IconPackage;
    return {
      id: entry.address,
      label: entry.name,
      leftSection: <Icon size={18} />,
      onClick: () => router.push(entry.address),
    };
  }
}

interface Found {
  kind: "job" | "model";
  name: string;
  address: string;
}

function useFound(project: string | null, name: string): { group: string; actions: Found[] }[] {
  const enabled = project !== null && name !== "";
  const params = { header: projectHeader(project ?? ""), query: { name, limit: MOST_FOUND } };
  const jobs = $api.useQuery("get", "/v1/jobs", { params }, { enabled });
  const models = $api.useQuery("get", "/v1/models", { params }, { enabled });
  if (!enabled) return [];
  const at = (kind: Found["kind"], each: { id: string; name: string }): Found => ({
    kind,
    name: each.name,
    address: `/projects/${encodeURIComponent(project)}/${kind}s/${each.id}/`,
  });
  return [
    { group: strings.shell.pages.jobs, actions: jobs.data?.items.map((each) => at("job", each)) ?? [] },
    { group: strings.shell.pages.models, actions: models.data?.items.map((each) => at("model", each)) ?? [] },
  ].filter(({ actions }) => actions.length > 0);
}
