// The form of a new job while it is filled in, and the specification that it stands for (jobs/spec.py).
import type { Schemas } from "@/shared/api/client";
import type { JsonObject } from "./schema/field";

export type JobSpec = Schemas["JobSpec"];
type Video = Schemas["VideoOutput"];
type Sheet = Schemas["ContactSheetOutput"];

export interface Draft {
  name: string;
  model: string | null;
  /** null: the one that takes the model's kind. */
  pipeline: string | null;
  settings: JsonObject;
  frames: string;
  order: Schemas["Order"];
  approval: number | null;
  video: "auto" | "none" | "own";
  film: Video;
  hasSheet: boolean;
  sheet: Sheet;
  previews: boolean;
  naming: string;
  priority: Schemas["PriorityClass"];
  weight: number | null;
  maxReplicas: number | null;
  /** As `<input type="datetime-local">` has them: local time. */
  startBefore: string;
  finishBefore: string;
  tags: string[];
  show: string;
  shot: string;
  dependsOn: Schemas["Dependency"][];
  /** `default`, `none`, or the id of a destination. */
  deliverTo: string;
  notifyEmail: string[];
  notifyWebhook: string | null;
  splitMode: Schemas["SplitMode"];
  splitParts: number | null;
  reuse: boolean;
  tries: number | null;
  frameTimeoutS: number | null;
  stallTimeoutS: number | null;
  loadTimeoutS: number | null;
  /** `key=value`. */
  labels: string[];
  /** `name=count`. */
  licences: string[];
}

export const EMPTY_DRAFT: Draft = {
  name: "",
  model: null,
  pipeline: null,
  settings: {},
  frames: "",
  order: "scout",
  approval: null,
  video: "auto",
  film: { fps: null, preview: "webm", codec: "h264", audio: "auto" },
  hasSheet: false,
  sheet: { columns: null, cell_width: 320, labels: true },
  previews: true,
  naming: "",
  priority: "normal",
  weight: null,
  maxReplicas: null,
  startBefore: "",
  finishBefore: "",
  tags: [],
  show: "",
  shot: "",
  dependsOn: [],
  deliverTo: "default",
  notifyEmail: [],
  notifyWebhook: null,
  splitMode: "none",
  splitParts: null,
  reuse: true,
  tries: null,
  frameTimeoutS: null,
  stallTimeoutS: null,
  loadTimeoutS: null,
  labels: [],
  licences: [],
};

/** Every field of the specification; what was left open stands as the farm would have it. */
export function specOf(draft: Draft): JobSpec {
  const limits: Record<string, number> = {};
  if (draft.tries !== null) limits.tries = draft.tries;
  if (draft.frameTimeoutS !== null) limits.frame_timeout_s = draft.frameTimeoutS;
  if (draft.stallTimeoutS !== null) limits.stall_timeout_s = draft.stallTimeoutS;
  if (draft.loadTimeoutS !== null) limits.load_timeout_s = draft.loadTimeoutS;
  const show = draft.show.trim();
  const shot = draft.shot.trim();
  const tells = draft.notifyEmail.length > 0 || draft.notifyWebhook !== null;
  return {
    ...(draft.name.trim() === "" ? {} : { name: draft.name.trim() }),
    model: draft.model ?? "",
    ...(draft.pipeline === null ? {} : { pipeline: draft.pipeline }),
    settings: draft.settings,
    frames: draft.frames.trim(),
    order: draft.order,
    outputs: {
      video: draft.video === "own" ? draft.film : draft.video === "auto" ? "auto" : null,
      contact_sheet: draft.hasSheet ? draft.sheet : null,
      previews: draft.previews,
      naming: draft.naming.trim() === "" ? null : draft.naming.trim(),
    },
    priority: draft.priority,
    weight: draft.weight ?? 100,
    reuse: draft.reuse,
    limits,
    labels: pairs(draft.labels),
    licences: Object.fromEntries(Object.entries(pairs(draft.licences)).map(([key, count]) => [key, Number(count)])),
    max_replicas: draft.maxReplicas,
    approval: draft.approval,
    start_before: momentOf(draft.startBefore),
    finish_before: momentOf(draft.finishBefore),
    depends_on: draft.dependsOn,
    split: { mode: draft.splitMode, parts: draft.splitMode === "none" ? 1 : (draft.splitParts ?? 2) },
    tags: draft.tags,
    show: show === "" ? null : show,
    shot: shot === "" ? null : shot,
    notify: tells ? { email: draft.notifyEmail, webhook: draft.notifyWebhook } : null,
    deliver_to: draft.deliverTo === "none" ? null : draft.deliverTo,
  } as JobSpec;
}

/** The form of a job that was submitted. Deadlines and whom to tell are of another time: a clone has none of them. */
export function draftOf(job: Schemas["JobDetail"]): Draft {
  const { spec } = job;
  const outputs: Partial<Schemas["Outputs"]> = spec.outputs ?? {};
  const video = outputs.video;
  const limits: Partial<Schemas["JobLimits"]> = spec.limits ?? {};
  return {
    ...EMPTY_DRAFT,
    name: spec.name,
    model: spec.model,
    pipeline: spec.pipeline ?? job.pipeline,
    settings: (spec.settings ?? {}) as JsonObject,
    frames: spec.frames,
    order: spec.order,
    approval: spec.approval ?? null,
    video: video === "auto" || video === undefined ? "auto" : video === null ? "none" : "own",
    film: video !== null && typeof video === "object" ? { ...EMPTY_DRAFT.film, ...video } : EMPTY_DRAFT.film,
    hasSheet: outputs.contact_sheet !== null && outputs.contact_sheet !== undefined,
    sheet: outputs.contact_sheet ?? EMPTY_DRAFT.sheet,
    previews: outputs.previews ?? true,
    naming: outputs.naming ?? "",
    priority: job.priority as Draft["priority"],
    weight: job.weight === 100 ? null : job.weight,
    maxReplicas: job.max_replicas ?? null,
    tags: job.tags,
    show: job.show ?? "",
    shot: job.shot ?? "",
    dependsOn: spec.depends_on,
    deliverTo: spec.deliver_to ?? "none",
    splitMode: spec.split?.mode ?? "none",
    splitParts: spec.split?.mode === "none" ? null : (spec.split?.parts ?? null),
    reuse: spec.reuse,
    tries: limits.tries ?? null,
    frameTimeoutS: limits.frame_timeout_s ?? null,
    stallTimeoutS: limits.stall_timeout_s ?? null,
    loadTimeoutS: limits.load_timeout_s ?? null,
    labels: Object.entries(spec.labels ?? {}).map(([key, value]) => `${key}=${value}`),
    licences: Object.entries(spec.licences ?? {}).map(([key, count]) => `${key}=${count}`),
  };
}

/** What a clone of a job changes. Settings are merged with the source's: one that was taken away is named, as null. */
export function changesOf(draft: Draft, source: Schemas["JobDetail"]): Record<string, unknown> {
  const spec: Record<string, unknown> = { ...specOf(draft) };
  // Labels that the source's settings asked for are the farm's to give, unless somebody has changed them here.
  if (draft.labels.join() === draftOf(source).labels.join()) delete spec.labels;
  if (draft.pipeline === (source.spec.pipeline ?? source.pipeline)) {
    const gone = Object.keys(source.spec.settings ?? {}).filter((name) => !(name in draft.settings));
    spec.settings = { ...draft.settings, ...Object.fromEntries(gone.map((name) => [name, null])) };
  }
  return spec;
}

/** `a=b` as a pair; the value may have more equal signs. */
function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      return at === -1 ? [text.trim(), ""] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    }),
  );
}

/** With the browser's time zone made plain; null where nothing is said. */
function momentOf(local: string): string | null {
  const moment = new Date(local);
  return local === "" || Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}
