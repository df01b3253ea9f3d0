"use client";
// Asks before a worker is told something, and why.
import { Button, Group, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { strings } from "@/strings/en";
import { useWorkerAct, type Act, type Notice, type Worker } from "./worker-acts";

const WORDS = strings.workers;
const LONGEST_REASON = 500;
const LONGEST_DRAIN_S = 30 * 86_400;

interface ActDialogProps {
  worker: Worker;
  /** Null: closed. */
  act: Act | null;
  onClose: () => void;
}

export function ActDialog({ worker, act, onClose }: ActDialogProps) {
  return (
    <Modal opened={act !== null} onClose={onClose} title={act !== null ? WORDS.asks[worker.kind][act] : ""}>
      {act !== null && <Question worker={worker} act={act} onClose={onClose} />}
    </Modal>
  );
}

function Question({ worker, act, onClose }: { worker: Worker; act: Act; onClose: () => void }) {
  const perform = useWorkerAct();
  const [reason, setReason] = useState("");
  const [within, setWithin] = useState<number | string>("");
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const notice: Notice = {};
    if (reason.trim() !== "") notice.reason = reason.trim();
    if (typeof within === "number") notice.within_s = within;
    if (await perform(worker, act, notice)) onClose();
    else setBusy(false);
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack>
        <Text size="sm">
          <b>{worker.name}</b>. {WORDS.explains[worker.kind][act]}
        </Text>
        {act !== "enable" && (
          <TextInput
            label={WORDS.reason}
            description={WORDS.reasonHint}
            value={reason}
            maxLength={LONGEST_REASON}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
          />
        )}
        {act === "drain" && (
          <NumberInput
            label={WORDS.within}
            description={WORDS.withinHint}
            value={within}
            onChange={setWithin}
            min={0}
            max={LONGEST_DRAIN_S}
            allowDecimal={false}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {strings.shell.cancel}
          </Button>
          <Button type="submit" loading={isBusy} color={act === "drain" || act === "restart" ? "red" : undefined}>
            {WORDS.acts[act]}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
