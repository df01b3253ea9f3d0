"use client";
// Before anything is sent: what was dropped, which file of it is rendered, and what the model is called.
import { Alert, Button, Group, List, Modal, Radio, ScrollArea, Stack, Text, TextInput } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { $api } from "@/shared/api/client";
import { formatBytes } from "@/shared/format/format";
import { Loading } from "@/shared/ui/query-states";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import { KNOWN_ENDINGS, mainFilesOf, modelNameOf, type MainFile } from "./engine/main-file";
import { uploads } from "./engine/page-uploads";
import type { Dropped } from "./engine/reading";
import { PickButtons } from "./pick-buttons";

export type DialogState =
  | { is: "closed" }
  | { is: "asking" }
  | { is: "reading" }
  | { is: "refused"; error: unknown }
  | { is: "read"; dropped: Dropped };

interface UploadDialogProps {
  project: string;
  state: DialogState;
  onPicked: (files: File[]) => void;
  onClose: () => void;
}

export function UploadDialog({ project, state, onPicked, onClose }: UploadDialogProps) {
  return (
    <Modal
      opened={state.is !== "closed"}
      onClose={onClose}
      title={strings.uploads.upload}
      size="lg"
      closeButtonProps={{ "aria-label": strings.shell.close }}
    >
      {state.is === "asking" && <Ask onPicked={onPicked} />}
      {state.is === "reading" && (
        <Stack align="center" gap={4}>
          <Loading />
          <Text>{strings.uploads.reading}</Text>
          <Text c="dimmed" size="sm">
            {strings.uploads.readingWords}
          </Text>
        </Stack>
      )}
      {state.is === "refused" && (
        <Stack>
          <ProblemBox error={state.error} />
          <PickButtons onPicked={onPicked} />
        </Stack>
      )}
      {state.is === "read" && <Check project={project} dropped={state.dropped} onPicked={onPicked} onClose={onClose} />}
    </Modal>
  );
}

function Ask({ onPicked }: { onPicked: (files: File[]) => void }) {
  return (
    <Stack align="center" py="lg">
      <IconUpload size={40} stroke={1.5} aria-hidden />
      <Text fw={600}>{strings.uploads.dropHere}</Text>
      <Text c="dimmed" ta="center">
        {strings.uploads.dropWords}
      </Text>
      <PickButtons onPicked={onPicked} />
    </Stack>
  );
}

interface CheckProps {
  project: string;
  dropped: Dropped;
  onPicked: (files: File[]) => void;
  onClose: () => void;
}

function Check({ project, dropped, onPicked, onClose }: CheckProps) {
  const paths = dropped.files.map(({ path }) => path);
  const takesAny = useTakesAny();
  const known = mainFilesOf(paths);
  const isFake = known.length === 0 && takesAny;
  const candidates = isFake ? paths.map((path): MainFile => ({ path, kind: "fake" })) : known;
  const [chosen, setChosen] = useState<string | null>(null);
  const [typed, setTyped] = useState<string | null>(null);
  const [isAsked, setAsked] = useState(false);
  const main = candidates.length === 1 ? candidates[0] : candidates.find(({ path }) => path === chosen);
  const isAlone = main?.kind === "diffusion" && dropped.files.length === 1;
  const name = typed ?? (main === undefined ? "" : modelNameOf(main, dropped.name));

  if (candidates.length === 0) {
    return (
      <Stack>
        <Alert color="orange" title={strings.uploads.noScene}>
          {strings.uploads.noSceneWords(KNOWN_ENDINGS.join(", "))}
        </Alert>
        <PickButtons onPicked={onPicked} />
      </Stack>
    );
  }
  return (
    <form onSubmit={begin} noValidate>
      <Stack>
        <Text>
          {dropped.name !== null && <b>{dropped.name}: </b>}
          {strings.uploads.contents(
            dropped.files.length,
            formatBytes(dropped.files.reduce((total, { file }) => total + file.size, 0)),
          )}
        </Text>
        {isAlone && <Alert color="orange">{strings.uploads.folderNeeded}</Alert>}
        {isFake && <Alert color="yellow">{strings.uploads.noSceneFake}</Alert>}
        {candidates.length > 1 && (
          <Radio.Group
            label={strings.uploads.mainFile}
            description={strings.uploads.mainFileWords}
            value={chosen}
            onChange={setChosen}
            error={isAsked && main === undefined ? strings.uploads.mainNeeded : undefined}
            withAsterisk
          >
            <ScrollArea.Autosize mah={240} type="auto">
              <Stack gap="xs" mt="xs">
                {candidates.slice(0, MOST_SHOWN).map(({ path }) => (
                  <Radio key={path} value={path} label={path} />
                ))}
              </Stack>
            </ScrollArea.Autosize>
          </Radio.Group>
        )}
        <TextInput
          label={strings.uploads.name}
          description={strings.uploads.nameWords}
          value={name}
          onChange={({ currentTarget }) => setTyped(currentTarget.value)}
          error={isAsked && main !== undefined && name.trim() === "" ? strings.uploads.nameNeeded : undefined}
          maxLength={200}
          required
          data-autofocus={candidates.length === 1 ? true : undefined}
        />
        <LeftOut files={dropped.leftOut} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {strings.shell.cancel}
          </Button>
          <Button type="submit" disabled={isAlone}>
            {strings.uploads.begin}
          </Button>
        </Group>
      </Stack>
    </form>
  );

  function begin(submitted: FormEvent) {
    submitted.preventDefault();
    setAsked(true);
    if (main === undefined || name.trim() === "") return;
    const { files, handles } = dropped;
    uploads.start({ project, name: name.trim(), folder: dropped.name, main, files, handles });
    onClose();
  }
}

const MOST_SHOWN = 200;
const MOST_LEFT_OUT = 5;

function LeftOut({ files }: { files: Dropped["leftOut"] }) {
  if (files.length === 0) return null;
  const more = files.length - MOST_LEFT_OUT;
  return (
    <div>
      <Text size="sm" fw={600}>
        {strings.uploads.leftOut(files.length)}
      </Text>
      <List size="sm" c="dimmed">
        {files.slice(0, MOST_LEFT_OUT).map(({ path, why }) => (
          <List.Item key={path}>
            {path} ({strings.uploads.why[why]})
          </List.Item>
        ))}
        {more > 0 && <List.Item>{strings.uploads.andMore(more)}</List.Item>}
      </List>
    </div>
  );
}

/** Whether the farm has the pipeline for tests, whose models are any file. */
function useTakesAny(): boolean {
  const { data } = $api.useQuery("get", "/v1/pipelines");
  return data?.items.some(({ model_kinds }) => model_kinds.includes("fake")) ?? false;
}
