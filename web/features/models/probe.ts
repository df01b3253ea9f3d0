// What the first opening of a model found, read from an answer whose shape each pipeline adds to.
import type { Schemas } from "@/shared/api/client";

export interface Finding {
  code: string;
  severity: "error" | "warning";
  message: string;
  remedy: string;
}

export interface Probe {
  frames: { start: number; end: number; step: number } | null;
  fps: number | null;
  resolution: { width: number; height: number; percent: number } | null;
  cameras: string[];
  activeCamera: string | null;
  viewLayers: string[];
  engine: string | null;
  samples: number | null;
  blenderVersion: string | null;
  triangles: number | null;
  details: [name: string, value: string][];
  findings: Finding[];
}

export function probeOf(model: Schemas["ModelDetail"]): Probe | null {
  const raw = model.probe;
  if (raw === null || raw === undefined) return null;
  const start = numberOf(raw.frame_start);
  const end = numberOf(raw.frame_end);
  return {
    frames: start === null || end === null ? null : { start, end, step: numberOf(raw.frame_step) ?? 1 },
    fps: numberOf(raw.fps),
    resolution: resolutionOf(raw.resolution),
    cameras: textsOf(raw.cameras),
    activeCamera: textOf(raw.active_camera),
    viewLayers: textsOf(raw.view_layers),
    engine: textOf(raw.engine),
    samples: numberOf(raw.samples),
    blenderVersion: textOf(raw.blender_version),
    triangles: numberOf(raw.triangles),
    details: detailsOf(raw.details),
    findings: findingsOf(raw.findings),
  };
}

/** How many frames the range has. */
export function frameCount({ start, end, step }: { start: number; end: number; step: number }): number {
  return end < start ? 0 : Math.floor((end - start) / Math.max(1, step)) + 1;
}

function resolutionOf(value: unknown): Probe["resolution"] {
  if (!Array.isArray(value)) return null;
  const [width, height, percent] = value.map(numberOf);
  if (width === null || height === null || width === undefined || height === undefined) return null;
  return { width, height, percent: percent ?? 100 };
}

function findingsOf(value: unknown): Finding[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    if (item === null || typeof item !== "object") return [];
    const { code, severity, message, remedy } = item as Partial<Finding>;
    if (typeof message !== "string") return [];
    const level = severity === "error" ? ("error" as const) : ("warning" as const);
    return [{ code: code ?? message, severity: level, message, remedy: remedy ?? "" }];
  });
}

function detailsOf(value: unknown): [string, string][] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).map(([name, detail]) => [
    name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "),
    Array.isArray(detail) ? detail.join(", ") : String(detail),
  ]);
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
