"use client";
// Steers jobs from the list. What follows is shown at once; a job that the farm refuses goes back to what it was.
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "@/shared/api/client";
import { asProblem, Problem } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import { changeJob } from "@/shared/live/apply-event";
import { notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { stateAfter, UNDO, type Command, type Job, type Priority } from "./commands";

/** Requests in flight for one action on many jobs. */
const AT_ONCE = 6;
const UNDO_MS = 8000;

type Header = ReturnType<typeof useProjectHeader>;
type Steered = Pick<Job, "id" | "state" | "priority">;

export interface JobActions {
  command: (command: Command, jobs: readonly Steered[]) => Promise<void>;
  setPriority: (priority: Priority, jobs: readonly Steered[]) => Promise<void>;
}

export function useJobActions(): JobActions {
  const queries = useQueryClient();
  const header = useProjectHeader();

  async function command(command: Command, jobs: readonly Steered[]): Promise<void> {
    const to = stateAfter(command);
    const done = await steer(queries, jobs, { state: to }, (job) => ask(command, job.id, header));
    const undo = UNDO[command];
    const back = done.map((job) => ({ ...job, state: to }));
    tell(strings.jobs.done[command](done.length), done, undo && (() => runAgain(undo, back)));
  }

  async function runAgain(undo: Command, jobs: readonly Steered[]): Promise<void> {
    await steer(queries, jobs, { state: stateAfter(undo) }, (job) => ask(undo, job.id, header));
  }

  async function setPriority(priority: Priority, jobs: readonly Steered[]): Promise<void> {
    const done = await steer(queries, jobs, { priority }, (job) => patchPriority(job.id, priority, header));
    tell(strings.jobs.priorityDone(done.length, strings.jobs.priorities[priority]), done, async () => {
      for (const before of new Set(done.map((job) => job.priority as Priority))) {
        const those = done.filter((job) => job.priority === before);
        await steer(queries, those, { priority: before }, (job) => patchPriority(job.id, before, header));
      }
    });
  }

  return { command, setPriority };
}

function ask(command: Command, id: string, header: Header): Promise<unknown> {
  const params = { header, path: { job_id: id } };
  switch (command) {
    case "approve":
      return api.POST("/v1/jobs/{job_id}/approve", { params });
    case "pause":
      return api.POST("/v1/jobs/{job_id}/pause", { params });
    case "resume":
      return api.POST("/v1/jobs/{job_id}/resume", { params });
    case "retry":
      return api.POST("/v1/jobs/{job_id}/retry", { params });
    case "cancel":
      return api.POST("/v1/jobs/{job_id}/cancel", { params });
  }
}

function patchPriority(id: string, priority: Priority, header: Header): Promise<unknown> {
  const body = { priority } as Schemas["JobChanges"]; // what is left out stays as it is
  return api.PATCH("/v1/jobs/{job_id}", { params: { header, path: { job_id: id } }, body });
}

/** Shows the change, asks for it, and takes it back where it was refused. Resolves with the jobs that took it. */
export async function steer<Part extends Partial<Job>>(
  queries: QueryClient,
  jobs: readonly Steered[],
  part: Part,
  request: (job: Steered) => Promise<unknown>,
): Promise<Steered[]> {
  for (const job of jobs) changeJob(queries, job.id, (shown) => ({ ...shown, ...part }));
  const done: Steered[] = [];
  const failures: unknown[] = [];
  const waiting = [...jobs];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        try {
          await request(job);
          done.push(job);
        } catch (error) {
          failures.push(error);
          takeBack(queries, job, part);
        }
      }
    }),
  );
  if (failures.length > 0) tellFailures(failures);
  void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/v1/jobs") });
  return done;
}

/** Only what still stands as it was put: an event may have told something newer since. */
function takeBack(queries: QueryClient, job: Steered, part: Partial<Job>): void {
  changeJob(queries, job.id, (shown) => {
    const stands = Object.entries(part).every(([key, value]) => shown[key as keyof Job] === value);
    if (!stands) return shown;
    const before = Object.fromEntries(Object.keys(part).map((key) => [key, job[key as keyof Steered]]));
    return { ...shown, ...before };
  });
}

function tellFailures(failures: readonly unknown[]): void {
  if (failures.length === 1) return notifyProblem(failures[0]);
  const first = asProblem(failures[0]);
  const detail = strings.jobs.manyRefused(failures.length, first.message);
  notifyProblem(new Problem(first.status, { ...first.body, detail }));
}

function tell(message: string, done: readonly Steered[], undo: (() => Promise<void>) | undefined): void {
  if (done.length === 0) return;
  const id = `steered-${done[0]?.id}-${message}`;
  notifications.show({
    id,
    color: "green",
    autoClose: UNDO_MS,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        {undo !== undefined && (
          <Button
            size="compact-sm"
            variant="light"
            onClick={() => {
              notifications.hide(id);
              void undo();
            }}
          >
            {strings.jobs.undo}
          </Button>
        )}
      </Group>
    ),
  });
}
