"use client";
// What can be done to the frames that are selected. Each action counts the frames that it changes.
import { Button, Group, Paper, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconArrowBackUp, IconPlayerSkipForward, IconRefresh, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useMay } from "@/shared/api/me";
import { ConfirmDialog } from "@/shared/ui/confirm-button";
import { CopyField } from "@/shared/ui/copy-field";
import { copyText } from "@/shared/ui/copy-text";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { FRAME_ACTIONS, framesFor, type FrameAction } from "./frame-actions";
import { framesText } from "./frame-selection";
import { useFrames } from "./job-context";
import { useVersion } from "./store-version";

const ICONS = { retry: IconRefresh, requeue: IconArrowBackUp, skip: IconPlayerSkipForward };
/** More are asked about first. */
const MANY = 100;
const SHOWN_TEXT = 60;

const words = strings.job.selection;

interface SelectionBarProps {
  onAct: (action: FrameAction, ordinals: readonly number[]) => Promise<void>;
}

export function SelectionBar({ onAct }: SelectionBarProps) {
  const { range, states, selection } = useFrames();
  useVersion(selection);
  useVersion(states);
  const may = useMay();
  const [asked, setAsked] = useState<{ action: FrameAction; ordinals: readonly number[] } | null>(null);
  if (selection.count === 0) return null;
  const ordinals = selection.ordinals();
  const text = framesText(ordinals, range);

  async function act(action: FrameAction, chosen: readonly number[]) {
    selection.clear();
    await onAct(action, chosen);
  }

  async function copy() {
    if (await copyText(text)) notifyDone(words.copied(text.slice(0, SHOWN_TEXT)));
    // The bar shows the beginning alone.
    else modals.open({ title: words.copy, children: <CopyField label={words.numbers} value={text} /> });
  }

  return (
    <Paper withBorder p="xs" role="region" aria-label={words.label} shadow="sm">
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Text size="sm" fw={650} aria-live="polite">
            {words.count(selection.count)}
          </Text>
          <Text size="sm" c="dimmed" ff="monospace" truncate maw={320}>
            {text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)} …` : text}
          </Text>
          <Button size="compact-sm" variant="subtle" onClick={() => void copy()}>
            {words.copy}
          </Button>
        </Group>
        <Group gap="xs">
          {may("project:render") &&
            FRAME_ACTIONS.map((action) => {
              const taking = framesFor(action, ordinals, states);
              const Icon = ICONS[action];
              return taking.length === 0 ? null : (
                <Button
                  key={action}
                  size="compact-sm"
                  variant="light"
                  leftSection={<Icon size={14} aria-hidden />}
                  onClick={() =>
                    taking.length > MANY ? setAsked({ action, ordinals: taking }) : void act(action, taking)
                  }
                >
                  {words[action](taking.length)}
                </Button>
              );
            })}
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconX size={14} aria-hidden />}
            onClick={() => selection.clear()}
          >
            {words.none}
          </Button>
        </Group>
      </Group>
      <ConfirmDialog
        isOpen={asked !== null}
        words={words.verbs[asked?.action ?? "retry"]}
        question={words.questions[asked?.action ?? "retry"](asked?.ordinals.length ?? 0)}
        consequence={words.consequences[asked?.action ?? "retry"]}
        color={asked?.action === "skip" ? "red" : "iris"}
        onConfirm={async () => {
          if (asked !== null) await act(asked.action, asked.ordinals);
        }}
        onClose={() => setAsked(null)}
      />
    </Paper>
  );
}
