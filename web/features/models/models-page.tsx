"use client";
// The scenes of the project; whoever may render drops new ones anywhere on the page.
import { Button, Center, Stack } from "@mantine/core";
import { IconPackage, IconUpload } from "@tabler/icons-react";
import { useMay } from "@/shared/api/me";
import { useProject } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { DropOverlay } from "../uploads/drop-overlay";
import { UploadDialog } from "../uploads/upload-dialog";
import { useDropAnywhere } from "../uploads/use-drop-anywhere";
import { useUploadDialog } from "../uploads/use-upload-dialog";
import { ModelFilters } from "./model-filters";
import { ModelTable } from "./model-table";
import { useModelChoice, useModels } from "./use-models";

export function ModelsPage() {
  const project = useProject();
  const mayRender = useMay()("project:render");
  const dialog = useUploadDialog();
  const isOver = useDropAnywhere(dialog.drop, mayRender);
  const [choice, change] = useModelChoice();
  const query = useModels(choice);
  const isFiltered = choice.name !== "" || choice.states.length + choice.kinds.length > 0;
  const upload = mayRender && (
    <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={dialog.ask}>
      {strings.uploads.upload}
    </Button>
  );
  return (
    <Page title={strings.models.title} actions={upload}>
      <ModelFilters choice={choice} onChange={change} />
      <QueryStates
        query={query}
        isEmpty={({ pages }) => pages.every(({ items }) => items.length === 0)}
        empty={
          isFiltered ? (
            <Empty title={strings.shell.nothingFound} words={strings.models.nothingFits} />
          ) : (
            <Empty
              icon={<IconPackage size={40} stroke={1.5} aria-hidden />}
              title={strings.models.none}
              words={mayRender ? strings.models.noneWords : undefined}
              action={upload}
            />
          )
        }
      >
        {({ pages }) => (
          <Stack>
            <ModelTable models={pages.flatMap(({ items }) => items)} project={project} />
            {query.hasNextPage && (
              <Center>
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {strings.models.more}
                </Button>
              </Center>
            )}
          </Stack>
        )}
      </QueryStates>
      <DropOverlay isShown={isOver} title={strings.uploads.dropHere} words={strings.uploads.dropWords} />
      <UploadDialog project={project} state={dialog.state} onPicked={dialog.pick} onClose={dialog.close} />
    </Page>
  );
}
