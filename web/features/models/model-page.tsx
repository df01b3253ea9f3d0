"use client";
// One version of a scene: what is in it, what it lacks, how it looks, and what was rendered of it.
import { Button, Code, CopyButton, Stack, Tabs, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconBox, IconFiles, IconInfoCircle, IconMovie, IconPlus, IconVersions } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { useProject, useProjectHeader, useSegments } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { KeepWarm } from "./keep-warm";
import { MissingFiles } from "./missing-files";
import { ModelFiles } from "./model-files";
import { ModelJobs } from "./model-jobs";
import { ModelOverview } from "./model-overview";
import { ModelStateBadge } from "./model-state";
import { ModelVersions } from "./model-versions";
import { ModelView3d } from "./model-view-3d";
import { canBeViewed } from "./viewable";

type Model = Schemas["ModelDetail"];

const TABS = ["overview", "files", "view", "versions", "jobs"] as const;
type Tab = (typeof TABS)[number];
const ICONS = { overview: IconInfoCircle, files: IconFiles, view: IconBox, versions: IconVersions, jobs: IconMovie };

export function ModelPage() {
  const id = useSegments()[3] ?? "";
  const header = useProjectHeader();
  const query = $api.useQuery("get", "/v1/models/{model_id}", { params: { header, path: { model_id: id } } });
  return <QueryStates query={query}>{(model) => <Shown key={model.id} model={model} />}</QueryStates>;
}

function Shown({ model }: { model: Model }) {
  const project = useProject();
  const base = `/projects/${encodeURIComponent(project)}`;
  const may = useMay();
  const [tab, setTab] = useTab();
  const tabs = TABS.filter((each) => each !== "view" || canBeViewed(model));
  const shown = tabs.includes(tab) ? tab : "overview";
  return (
    <Page
      title={model.name}
      path={[{ title: strings.models.title, href: `${base}/models/` }]}
      badge={<ModelStateBadge state={model.state} />}
      actions={
        <>
          {may("farm:operate") && <KeepWarm model={model} />}
          {may("project:render") && (model.state === "ready" || model.state === "probing") && (
            <Button
              component={Link}
              href={`${base}/jobs/new/?model=${model.id}`}
              leftSection={<IconPlus size={16} aria-hidden />}
            >
              {strings.models.newJob}
            </Button>
          )}
        </>
      }
    >
      <Identity model={model} />
      <MissingFiles model={model} project={project} />
      <Tabs value={shown} onChange={(value) => setTab(value as Tab)} keepMounted={false}>
        <Tabs.List>
          {tabs.map((each) => {
            const Icon = ICONS[each];
            return (
              <Tabs.Tab key={each} value={each} leftSection={<Icon size={16} aria-hidden />}>
                {strings.models.tabs[each]}
              </Tabs.Tab>
            );
          })}
        </Tabs.List>
        <Tabs.Panel value="overview" pt="md">
          <ModelOverview model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="files" pt="md">
          <ModelFiles model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="view" pt="md">
          <ModelView3d model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="versions" pt="md">
          <ModelVersions model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="jobs" pt="md">
          <ModelJobs model={model} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** Which version this is, to be named to a colleague or a script. */
function Identity({ model }: { model: Model }) {
  return (
    <Stack gap={0}>
      <Text size="sm" c="dimmed" component="div">
        {strings.models.uploaded} <TimeAgo at={model.created_at} span inherit /> · {strings.models.version}{" "}
        <CopyButton value={model.id}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? strings.models.copied : strings.models.copyId}>
              <UnstyledButton onClick={copy} aria-label={copied ? strings.models.copied : strings.models.copyId}>
                <Code>{model.digest.slice(0, 12)}</Code>
              </UnstyledButton>
            </Tooltip>
          )}
        </CopyButton>
      </Text>
    </Stack>
  );
}

/** The part of the page that is shown; it stands in the address. */
function useTab(): [Tab, (tab: Tab) => void] {
  const params = useSearchParams();
  const router = useRouter();
  const path = usePathname() ?? "";
  const asked = TABS.find((each) => each === params.get("tab")) ?? "overview";
  return [asked, (tab) => router.replace(tab === "overview" ? path : `${path}?tab=${tab}`, { scroll: false })];
}
