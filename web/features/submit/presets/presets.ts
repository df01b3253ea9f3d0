// Settings under a name: two that come with the app, and those that somebody keeps in their browser, by pipeline.
import { isObject } from "../schema/check-value";
import type { Field, JsonObject } from "../schema/field";

export interface Preset {
  name: string;
  settings: JsonObject;
}

const MOST = 50;

/** A look at a fraction of the cost. What a pipeline of another version does not have is left out. */
const DRAFTS: Record<string, JsonObject> = {
  cycles: { percentage: 50, samples: 16, denoise: true },
  mitsuba: { spp: 16 },
  splats: { width: 640 },
  diffusion: { steps: 12 },
};

/** The settings as a quick look has them: all else stays as it is. */
export function asDraft(pipeline: string, fields: readonly Field[], settings: JsonObject): JsonObject {
  return { ...settings, ...knownPart(DRAFTS[pipeline] ?? {}, fields) };
}

/** As the scene says, where a draft would save. */
export function asFinal(pipeline: string, settings: JsonObject): JsonObject {
  const saved = Object.keys(DRAFTS[pipeline] ?? {});
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !saved.includes(name)));
}

export function hasDraft(pipeline: string): boolean {
  return pipeline in DRAFTS;
}

export function keptPresets(pipeline: string): Preset[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(placeOf(pipeline)) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isPreset) : [];
  } catch {
    return [];
  }
}

/** One of the same name is replaced. */
export function keepPreset(pipeline: string, preset: Preset): Preset[] {
  const others = keptPresets(pipeline).filter((each) => each.name !== preset.name);
  return write(pipeline, [...others, preset].slice(-MOST));
}

export function dropPreset(pipeline: string, name: string): Preset[] {
  return write(
    pipeline,
    keptPresets(pipeline).filter((each) => each.name !== name),
  );
}

export function renamePreset(pipeline: string, before: string, name: string): Preset[] {
  const others = keptPresets(pipeline).filter((each) => each.name !== name || each.name === before);
  return write(
    pipeline,
    others.map((each) => (each.name === before ? { ...each, name } : each)),
  );
}

/** The text of a file that `presetsIn` reads. */
export function textOfPresets(pipeline: string, presets: readonly Preset[]): string {
  return JSON.stringify({ rayfarm_presets: 1, pipeline, presets }, null, 2);
}

/** What a file holds; null: it is none of presets, or of another pipeline's. */
export function presetsIn(text: string, pipeline: string): Preset[] | null {
  try {
    const file: unknown = JSON.parse(text);
    if (!isObject(file) || file.rayfarm_presets !== 1 || file.pipeline !== pipeline) return null;
    return Array.isArray(file.presets) ? (file.presets as unknown[]).filter(isPreset) : null;
  } catch {
    return null;
  }
}

function knownPart(settings: JsonObject, fields: readonly Field[]): JsonObject {
  const names = new Set(fields.map((field) => field.name));
  return Object.fromEntries(Object.entries(settings).filter(([name]) => names.has(name)));
}

function placeOf(pipeline: string): string {
  return `rayfarm.presets/${pipeline}`;
}

function write(pipeline: string, presets: Preset[]): Preset[] {
  localStorage.setItem(placeOf(pipeline), JSON.stringify(presets));
  return presets;
}

function isPreset(value: unknown): value is Preset {
  return isObject(value) && typeof value.name === "string" && value.name !== "" && isObject(value.settings);
}
