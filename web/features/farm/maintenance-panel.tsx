"use client";
// Maintenance on and off, with the words that everybody reads whose request is refused meanwhile.
import { Button, Group, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useMay } from "@/shared/api/me";
import { api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const WORDS = strings.farm;
const PATH = "/v1/maintenance";
const LONGEST_MESSAGE = 500;

export function MaintenancePanel() {
  const query = useVersioned(PATH, "", () => api.GET(PATH, {}));
  return (
    <Section title={WORDS.tabs.maintenance}>
      <QueryStates query={query}>{(state) => <State key={state.etag} state={state} />}</QueryStates>
    </Section>
  );
}

function State({ state }: { state: Versioned<Schemas["MaintenanceView"]> }) {
  const may = useMay();
  const set = useSetMaintenance(state.etag);
  const { active, message, set_by } = state.data;
  return (
    <Stack gap="sm" align="flex-start">
      <Text>{WORDS.maintenanceState(active)}</Text>
      {message !== "" && <Text c="dimmed">{message}</Text>}
      {set_by != null && (
        <Text size="sm" c="dimmed">
          {WORDS.maintenanceSetBy(set_by)}
        </Text>
      )}
      {may("farm:operate") && (
        <Group>
          <ChangeMaintenance state={state.data} onSet={set} />
          {active && (
            <ConfirmButton
              words={WORDS.maintenanceEnd}
              question={`${WORDS.maintenanceEnd}?`}
              consequence={WORDS.maintenanceEnded}
              color="iris"
              onConfirm={async () => {
                await set({ active: false, drain: false, message: "" });
                notifyDone(WORDS.maintenanceEnded);
              }}
            />
          )}
        </Group>
      )}
    </Stack>
  );
}

interface ChangeProps {
  state: Schemas["MaintenanceView"];
  onSet: (change: Schemas["MaintenanceChange"]) => Promise<void>;
}

function ChangeMaintenance({ state, onSet }: ChangeProps) {
  const [isOpen, setOpen] = useState(false);
  const form = useForm({
    initialValues: { message: state.active ? state.message : "", drain: state.active && state.drain },
  });
  const words = state.active ? WORDS.maintenanceChange : WORDS.maintenanceBegin;
  return (
    <>
      <Button
        color={state.active ? undefined : "red"}
        variant={state.active ? "default" : "filled"}
        onClick={() => setOpen(true)}
      >
        {words} …
      </Button>
      <FormDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={words}
        words={words}
        form={form}
        onSubmit={async ({ message, drain }) => {
          await onSet({ active: true, drain, message: message.trim() });
          notifyDone(state.active ? WORDS.maintenanceChanged : WORDS.maintenanceBegun);
        }}
      >
        <Text size="sm">{WORDS.maintenanceBeginWords}</Text>
        <Textarea
          label={WORDS.maintenanceMessage}
          description={WORDS.maintenanceMessageHint}
          maxLength={LONGEST_MESSAGE}
          autosize
          minRows={2}
          {...form.getInputProps("message")}
        />
        <Switch
          label={WORDS.maintenanceDrain}
          description={WORDS.maintenanceDrainHint}
          {...form.getInputProps("drain", { type: "checkbox" })}
        />
      </FormDialog>
    </>
  );
}

function useSetMaintenance(etag: string | undefined) {
  const queries = useQueryClient();
  return async (change: Schemas["MaintenanceChange"]) => {
    try {
      await api.PUT(PATH, { params: { header: ifMatch(etag) }, body: change });
    } catch (error) {
      if (asProblem(error).status === 412) notifyProblem(error); // the dialog closes over what somebody else has set
      throw error;
    } finally {
      // Also after a refusal: somebody was faster, and what they did must be seen.
      await queries.invalidateQueries({
        predicate: ({ queryKey }) => [PATH, "/v1/status"].includes(String(queryKey[1])),
      });
    }
  };
}
