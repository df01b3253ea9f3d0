"use client";
// Files that the scene refers to and that did not come with it: which, who needs them, and a way to add them here.
import { Alert, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { DropOverlay } from "../uploads/drop-overlay";
import { mendWith, missingOf } from "../uploads/engine/mending";
import { uploads } from "../uploads/engine/page-uploads";
import { readDrop, readPicked, type Dropped } from "../uploads/engine/reading";
import { PickButtons } from "../uploads/pick-buttons";
import { useDropAnywhere } from "../uploads/use-drop-anywhere";
import { useUploads } from "../uploads/use-uploads";

type Model = Schemas["ModelDetail"];

const SHOWN = 20;

export function MissingFiles({ model, project }: { model: Model; project: string }) {
  const mayRender = useMay()("project:render");
  const missing = missingOf(model.missing ?? []);
  const isLacking = model.state === "incomplete";
  const [isAll, setAll] = useState(false);
  const { isReading, add } = useAdding(model, project);
  const isOver = useDropAnywhere((transfer) => add(readDrop(transfer)), isLacking && mayRender);
  if (!isLacking) return null;
  return (
    <Alert
      color="orange"
      icon={<IconAlertTriangle aria-hidden />}
      title={strings.models.missingTitle(missing.length)}
      styles={{ body: { minWidth: 0 } }}
      aria-label={strings.models.missing}
    >
      <Stack>
        <Text size="sm">{mayRender ? strings.models.missingWords : model.remedy}</Text>
        <Table.ScrollContainer minWidth={300}>
          <Table highlightOnHover={false} verticalSpacing={4} aria-label={strings.models.missing}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{strings.models.path}</Table.Th>
                <Table.Th>{strings.models.neededBy}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {(isAll ? missing : missing.slice(0, SHOWN)).map(({ raw, kind, owner }) => (
                <Table.Tr key={`${raw} ${owner}`}>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    <Code>{raw}</Code>
                  </Table.Td>
                  <Table.Td>
                    {kind} {owner}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {!isAll && missing.length > SHOWN && (
          <Group>
            <Button variant="default" size="xs" onClick={() => setAll(true)}>
              {strings.models.showAll(missing.length)}
            </Button>
          </Group>
        )}
        {mayRender && !isReading && <PickButtons onPicked={(files) => add(readPicked(files))} />}
      </Stack>
      <DropOverlay isShown={isOver} title={strings.models.dropMissing} words={strings.models.dropMissingWords} />
    </Alert>
  );
}

/** Uploads what fits of the files, as a version that has them; goes to it as soon as it has an address. */
function useAdding(model: Model, project: string) {
  const router = useRouter();
  const [isReading, setReading] = useState(false);
  const [id, setId] = useState<string | null>(null);
  const mended = useUploads().find((upload) => upload.id === id)?.model ?? null;
  const next = mended === null || mended.id === model.id ? null : mended.id;

  useEffect(() => {
    if (next !== null) router.replace(`/projects/${encodeURIComponent(project)}/models/${next}/`);
  }, [next, project, router]);

  async function add(reading: Promise<Dropped>) {
    setReading(true);
    try {
      take(await reading);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setReading(false);
    }
  }

  function take(dropped: Dropped) {
    const here = new Map(dropped.files.map(({ path, file }) => [path, file]));
    const known = model.manifest.files.map(({ path }) => path);
    const { added, remap, unmended } = mendWith(missingOf(model.missing ?? []), [...here.keys()], known);
    const files = [...added].flatMap(([path, from]) => {
      const file = here.get(from);
      return file === undefined ? [] : [{ path, file }];
    });
    if (files.length === 0) {
      notifyProblem(new Error(strings.models.noneFits));
      return;
    }
    notifyDone(strings.models.found(files.length, unmended.length));
    const main = { path: model.manifest.main, kind: model.manifest.kind };
    const base = { files: model.manifest.files, remap: { ...model.manifest.remap, ...Object.fromEntries(remap) } };
    setId(uploads.start({ project, name: model.name, folder: null, main, files, base }));
  }

  return { isReading, add: (reading: Promise<Dropped>) => void add(reading) };
}
