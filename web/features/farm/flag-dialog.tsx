"use client";
// Changes one feature, as it was when the dialog was opened.
import { Button, Modal, NumberInput, Switch, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "@/shared/api/client";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";

const WORDS = strings.farm;
const PATH = "/v1/flags/{name}";
type Name = Schemas["Feature"];

export function FlagDialog({ name, onClose }: { name: Name; onClose: () => void }) {
  const query = useVersioned(PATH, name, () => api.GET(PATH, { params: { path: { name } } }));
  if (query.data === undefined) {
    return (
      <Modal
        opened
        onClose={onClose}
        title={WORDS.changeFlag(name)}
        closeButtonProps={{ "aria-label": strings.shell.close }}
      >
        <QueryStates query={query}>{() => null}</QueryStates>
      </Modal>
    );
  }
  return <FlagForm key={query.data.etag} flag={query.data} onClose={onClose} />;
}

function FlagForm({ flag, onClose }: { flag: Versioned<Schemas["FlagView"]>; onClose: () => void }) {
  const { name, enabled, projects, percent, note, changed_by } = flag.data;
  const queries = useQueryClient();
  const [isDropping, setDropping] = useState(false);
  const form = useForm<{ enabled: boolean; projects: string[]; percent: number | string; note: string }>({
    initialValues: { enabled, projects, percent, note },
  });
  const params = { path: { name }, header: ifMatch(flag.etag) };

  function refresh() {
    return queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/v1/flags") });
  }

  async function drop() {
    setDropping(true);
    try {
      await api.DELETE(PATH, { params });
      notifyDone(WORDS.flagDropped(name));
      onClose();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setDropping(false);
      await refresh();
    }
  }

  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={WORDS.changeFlag(name)}
      words={WORDS.save}
      form={form}
      onSubmit={async (values) => {
        const share = typeof values.percent === "number" ? values.percent : null;
        await api.PUT(PATH, { params, body: { ...values, percent: share } });
        notifyDone(WORDS.flagSaved(name));
        await refresh();
      }}
    >
      <Switch
        label={WORDS.flagEnabled}
        description={WORDS.flagEnabledHint}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
      <TagsInput label={WORDS.flagProjects} description={WORDS.flagProjectsHint} {...form.getInputProps("projects")} />
      <NumberInput
        label={WORDS.flagPercent}
        description={WORDS.flagPercentHint}
        min={0}
        max={100}
        allowDecimal={false}
        {...form.getInputProps("percent")}
      />
      <TextInput label={WORDS.note} description={WORDS.flagNoteHint} maxLength={500} {...form.getInputProps("note")} />
      {changed_by !== null && (
        <Button
          variant="subtle"
          color="red"
          loading={isDropping}
          onClick={() => void drop()}
          style={{ alignSelf: "start" }}
        >
          {WORDS.toDefault}
        </Button>
      )}
    </FormDialog>
  );
}
