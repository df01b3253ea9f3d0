"use client";
// Retry, skip and requeue of frames: the cells change at once, and back again where the farm refuses.
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { api } from "@/shared/api/client";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { stateAfter, undoOf, type FrameAction } from "./frame-actions";
import { framesText } from "./frame-selection";
import type { FrameState } from "./frame-states";
import { useFrames, useJobParams } from "./job-context";
import { useTakeJob } from "./use-job";

/** The API reads no longer text; a request of many single frames is cut into several. */
const LONGEST_TEXT = 60_000;
const UNDO_MS = 10_000;

const words = strings.job.selection;

export function useActOnFrames(jobId: string, readAgain: () => void) {
  const { range, states } = useFrames();
  const params = useJobParams(jobId);
  const takeJob = useTakeJob(jobId);

  /** `ordinals`: only such as the action changes. */
  async function act(action: FrameAction, ordinals: readonly number[], isUndo = false): Promise<void> {
    const before = new Set<FrameState | null>(ordinals.map((ordinal) => states.stateAt(ordinal)));
    states.set(ordinals, stateAfter(action));
    try {
      for (const frames of texts(ordinals)) {
        const { data } = await api.POST("/v1/jobs/{job_id}/frames/actions", { params, body: { action, frames } });
        takeJob(data!.job);
      }
    } catch (error) {
      readAgain();
      notifyProblem(error);
      return;
    }
    if (isUndo) notifyDone(words.undone);
    else tell(action, ordinals, undoOf(action, before));
  }

  function texts(ordinals: readonly number[]): string[] {
    const text = framesText(ordinals, range);
    if (text.length <= LONGEST_TEXT) return [text];
    const half = Math.ceil(ordinals.length / 2);
    return [...texts(ordinals.slice(0, half)), ...texts(ordinals.slice(half))];
  }

  function tell(action: FrameAction, ordinals: readonly number[], undo: FrameAction | null) {
    const message = words.done[action](ordinals.length);
    if (undo === null) {
      notifyDone(message);
      return;
    }
    const id = `frames-${action}-${ordinals[0]}-${ordinals.length}`;
    notifications.show({
      id,
      color: "green",
      autoClose: UNDO_MS,
      message: (
        <Group justify="space-between">
          <Text size="sm">{message}</Text>
          <Button
            size="compact-sm"
            variant="light"
            onClick={() => {
              notifications.hide(id);
              void act(undo, ordinals, true);
            }}
          >
            {words.undo}
          </Button>
        </Group>
      ),
    });
  }

  return act;
}
