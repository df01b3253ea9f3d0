"use client";
// What an operator may tell a replica or a machine to do.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api } from "@/shared/api/client";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { notifyUndo } from "@/shared/ui/notify-undo";
import { strings } from "@/strings/en";

export type Act = "drain" | "restart" | "disable" | "enable";

export interface Worker {
  kind: "replica" | "node";
  /** A replica's id, a machine's name. */
  id: string;
  /** As people see it. */
  name: string;
}

export interface Notice {
  reason?: string;
  within_s?: number;
}

/** What can be taken back, and by what. */
const TAKEN_BACK_BY: Partial<Record<Act, Act>> = { disable: "enable", enable: "disable" };
const TOUCHED = new Set(["/v1/replicas", "/v1/replicas/{replica_id}", "/v1/nodes", "/v1/queues", "/v1/status"]);

/** Acts, says what was done with the way back, and shows the worker as it is now. Resolves to whether it worked. */
export function useWorkerAct(): (worker: Worker, act: Act, notice: Notice) => Promise<boolean> {
  const queries = useQueryClient();
  return (worker, act, notice) => perform(queries, worker, act, notice, true);
}

async function perform(
  queries: QueryClient,
  worker: Worker,
  act: Act,
  notice: Notice,
  mayUndo: boolean,
): Promise<boolean> {
  try {
    await send(worker, act, notice);
  } catch (error) {
    notifyProblem(error);
    return false;
  }
  const words = strings.workers.doneActs[act](worker.name);
  const back = TAKEN_BACK_BY[act];
  if (mayUndo && back !== undefined) {
    notifyUndo(words, strings.workers.undo, () => void perform(queries, worker, back, {}, false));
  } else {
    notifyDone(words);
  }
  await queries.invalidateQueries({ predicate: ({ queryKey }) => TOUCHED.has(String(queryKey[1])) });
  return true;
}

async function send(worker: Worker, act: Act, { reason, within_s }: Notice): Promise<void> {
  const body = reason === undefined ? {} : { reason };
  const drain = within_s === undefined ? body : { ...body, within_s };
  if (worker.kind === "replica") {
    const params = { path: { replica_id: worker.id } };
    if (act === "drain") await api.POST("/v1/replicas/{replica_id}/drain", { params, body: drain });
    if (act === "restart") await api.POST("/v1/replicas/{replica_id}/restart", { params, body });
    if (act === "disable") await api.POST("/v1/replicas/{replica_id}/disable", { params, body });
    if (act === "enable") await api.POST("/v1/replicas/{replica_id}/enable", { params });
  } else {
    const params = { path: { name: worker.id } };
    if (act === "drain") await api.POST("/v1/nodes/{name}/drain", { params, body: drain });
    if (act === "restart") await api.POST("/v1/nodes/{name}/restart", { params, body });
    if (act === "disable") await api.POST("/v1/nodes/{name}/disable", { params, body });
    if (act === "enable") await api.POST("/v1/nodes/{name}/enable", { params });
  }
}
