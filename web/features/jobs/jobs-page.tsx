"use client";
// The list that artists live in.
import { Button, Center, Stack, Text } from "@mantine/core";
import { IconFileImport, IconMovie, IconPlus, IconSearchOff, IconUpload } from "@tabler/icons-react";
import dynamic from "next/dynamic";
import { Link } from "@/shared/ui/link";
import { useRef, useState } from "react";
import { useMay } from "@/shared/api/me";
import { useProject } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { FilterBar } from "./filter-bar";
import { isNarrowed, NO_FILTERS, type JobFilters } from "./filters";
import { JobsTable } from "./jobs-table";
import { SelectionBar } from "./selection-bar";
import { useAskedActions } from "./use-asked-actions";
import { useFilters } from "./use-filters";
import { useJobs } from "./use-jobs";
import { useListKeys } from "./use-list-keys";
import { useSelection } from "./use-selection";
import { ViewsMenu } from "./views-menu";

const OpenjdDialog = dynamic(() =>
  import("@/features/submit/openjd/openjd-dialog").then((module) => module.OpenjdDialog),
);

export function JobsPage() {
  const may = useMay();
  const [filters, setFilters] = useFilters();
  return (
    <Page
      title={strings.jobs.title}
      actions={
        <>
          <ViewsMenu filters={filters} onChange={setFilters} />
          {may("project:render") && <ImportButton />}
          {may("project:render") && <NewJobButton />}
        </>
      }
    >
      <JobList filters={filters} setFilters={setFilters} mayRender={may("project:render")} />
    </Page>
  );
}

interface JobListProps {
  filters: JobFilters;
  setFilters: (part: Partial<JobFilters>) => void;
  mayRender: boolean;
}

function JobList({ filters, setFilters, mayRender }: JobListProps) {
  const query = useJobs(filters);
  const jobs = query.data?.pages.flatMap((page) => page.items) ?? [];
  const selection = useSelection(jobs);
  const asked = useAskedActions();
  const actions = mayRender ? asked : null;
  const list = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  useListKeys({ list, search, onSelect: mayRender ? selection.toggle : () => undefined, onEscape: selection.clear });
  return (
    <Stack gap="md">
      <FilterBar filters={filters} onChange={setFilters} search={search} />
      <QueryStates
        query={query}
        isEmpty={() => jobs.length === 0}
        empty={<Nothing filters={filters} setFilters={setFilters} mayRender={mayRender} />}
      >
        {() => (
          <Stack gap="sm">
            <div ref={list} aria-busy={query.isPlaceholderData}>
              <JobsTable jobs={jobs} selection={selection} actions={actions} />
            </div>
            {query.hasNextPage && (
              <Center>
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {strings.jobs.loadMore}
                </Button>
              </Center>
            )}
            <Text size="xs" c="dimmed" visibleFrom="sm">
              {strings.jobs.keys(mayRender)}
            </Text>
            {actions !== null && <SelectionBar selection={selection} actions={actions} />}
          </Stack>
        )}
      </QueryStates>
    </Stack>
  );
}

function Nothing({ filters, setFilters, mayRender }: JobListProps) {
  const project = useProject();
  if (isNarrowed(filters)) {
    return (
      <Empty
        icon={<IconSearchOff size={36} stroke={1.4} aria-hidden />}
        title={strings.jobs.nothing}
        words={strings.jobs.nothingWords}
        action={<Button onClick={() => setFilters(NO_FILTERS)}>{strings.jobs.clearFilters}</Button>}
      />
    );
  }
  return (
    <Empty
      icon={<IconMovie size={36} stroke={1.4} aria-hidden />}
      title={strings.jobs.empty}
      words={mayRender ? strings.jobs.emptyWords : strings.jobs.emptyReader}
      action={
        mayRender ? (
          <Button.Group mt="xs">
            <Button
              component={Link}
              href={`/projects/${encodeURIComponent(project)}/models/`}
              variant="default"
              leftSection={<IconUpload size={16} aria-hidden />}
            >
              {strings.jobs.upload}
            </Button>
            <NewJobButton />
          </Button.Group>
        ) : undefined
      }
    />
  );
}

function NewJobButton() {
  const project = useProject();
  return (
    <Button
      component={Link}
      href={`/projects/${encodeURIComponent(project)}/jobs/new/`}
      leftSection={<IconPlus size={16} aria-hidden />}
    >
      {strings.jobs.newJob}
    </Button>
  );
}

function ImportButton() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconFileImport size={16} aria-hidden />}
        onClick={() => setOpen(true)}
        visibleFrom="sm"
      >
        {strings.jobs.importOpenjd}
      </Button>
      {isOpen && <OpenjdDialog isOpen={isOpen} onClose={() => setOpen(false)} />}
    </>
  );
}
