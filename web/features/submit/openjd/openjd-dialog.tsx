"use client";
// A job template of Open Job Description as a job. It is read by the farm and never run.
import { Button, FileInput, Modal, Select, Stack, Table, Text, Textarea } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useRouter } from "next/navigation";
import { useRef, useState, type FormEvent } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useProject, useProjectHeader } from "@/shared/api/project";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import { endAttempt, keyOfAttempt } from "../attempt";
import { ModelPicker } from "../model-picker";
import { refusalsOf } from "../refusals";
import { parametersIn } from "./parameters";

const words = strings.jobs.openjd;
const MOST_CHARS = 65_536;
const PRIORITIES = ["interactive", "normal", "batch"] as const;

export function OpenjdDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const [template, setTemplate] = useState("");
  const isEmpty = template === "";

  function close() {
    setTemplate("");
    onClose();
  }

  return (
    <Modal
      opened={isOpen}
      onClose={close}
      closeOnClickOutside={isEmpty}
      closeOnEscape={isEmpty}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": strings.shell.close }}
    >
      {isOpen && <ImportForm template={template} setTemplate={setTemplate} />}
    </Modal>
  );
}

interface ImportFormProps {
  template: string;
  setTemplate: (template: string) => void;
}

function ImportForm({ template, setTemplate }: ImportFormProps) {
  const project = useProject();
  const header = useProjectHeader();
  const router = useRouter();
  const [parameters, setParameters] = useState("");
  const [model, setModel] = useState<string | null>(null);
  const [priority, setPriority] = useState<Schemas["PriorityClass"]>("normal");
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const isSending = useRef(false);
  const path = { model_id: model ?? "" };
  const chosen = $api.useQuery(
    "get",
    "/v1/models/{model_id}",
    { params: { header, path } },
    { enabled: model !== null },
  );
  const values = parametersIn(parameters);
  const errors = refusalsOf(problem);
  const place = `rayfarm.openjd/${project}`;

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (isSending.current || model === null || "wrongLine" in values) return;
    isSending.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const body = { template, parameters: values.values, model, priority } as Schemas["OpenjdImport"];
      const headers = { ...header, "idempotency-key": keyOfAttempt(place, body) };
      const { data } = await api.POST("/v1/jobs:import-openjd", { params: { header: headers }, body });
      endAttempt(place);
      router.push(`/projects/${encodeURIComponent(project)}/jobs/${(data as Schemas["JobDetail"]).id}/`);
    } catch (error) {
      setProblem(error);
    } finally {
      isSending.current = false;
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack>
        <Text size="sm">{words.words}</Text>
        <FileInput
          label={words.file}
          description={words.fileHint}
          accept=".yaml,.yml,.json,.template"
          placeholder={words.chooseFile}
          onChange={(file) => void file?.text().then(setTemplate)}
          clearable
        />
        <Textarea
          label={words.text}
          value={template}
          onChange={({ currentTarget }) => setTemplate(currentTarget.value)}
          error={errors.template}
          maxLength={MOST_CHARS}
          autosize
          minRows={5}
          maxRows={14}
          spellCheck={false}
          withAsterisk
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        />
        <ModelPicker value={model} onChange={setModel} error={errors.model} chosen={model ? chosen.data : undefined} />
        <Textarea
          label={words.parameters}
          description={words.parametersHint}
          placeholder="Frames=1-48"
          value={parameters}
          onChange={({ currentTarget }) => setParameters(currentTarget.value)}
          error={"wrongLine" in values ? words.badParameter(values.wrongLine) : errors.parameters}
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
        />
        <Select
          label={words.priority}
          data={PRIORITIES.map((value) => ({ value, label: strings.jobs.priorities[value] }))}
          value={priority}
          onChange={(next) => setPriority(PRIORITIES.find((each) => each === next) ?? "normal")}
          allowDeselect={false}
        />
        {problem !== null && <ProblemBox error={problem} />}
        {problem !== null && <Unsupported problem={problem} />}
        <Button
          type="submit"
          loading={isBusy}
          disabled={template.trim() === "" || model === null || "wrongLine" in values}
          leftSection={<IconFileImport size={18} aria-hidden />}
        >
          {words.submit}
        </Button>
      </Stack>
    </form>
  );
}

/** Each place of the template that the farm cannot do. */
function Unsupported({ problem }: { problem: unknown }) {
  const places = unsupportedIn(asProblem(problem).body.unsupported);
  if (places.length === 0) return null;
  return (
    <Table.ScrollContainer minWidth={400}>
      <Table aria-label={words.unsupported} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.at}</Table.Th>
            <Table.Th>{words.why}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {places.map(({ pointer, reason }) => (
            <Table.Tr key={pointer + reason}>
              <Table.Td ff="monospace" fz="xs">
                {pointer}
              </Table.Td>
              <Table.Td fz="sm">{reason}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function unsupportedIn(value: unknown): { pointer: string; reason: string }[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each) => typeof each?.pointer === "string" && typeof each?.reason === "string");
}
