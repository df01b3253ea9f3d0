// In which order and under which heading people look for a setting. What stands nowhere here comes under the last one,
// so a new setting shows up by itself.
import type { Field } from "./field";

export const SECTIONS = ["content", "size", "quality", "camera", "file", "more"] as const;
export type Section = (typeof SECTIONS)[number];

const PLACES: Record<Exclude<Section, "more">, readonly string[]> = {
  content: ["prompt", "negative_prompt", "keyframes", "init_image", "strength", "loras"],
  size: ["resolution_x", "resolution_y", "percentage", "width", "height"],
  quality: ["samples", "spp", "steps", "denoise", "denoiser", "engine", "integrator", "max_depth", "scheduler"].concat([
    "guidance_scale",
    "adaptive_sampling",
    "adaptive_threshold",
    "adaptive_min_samples",
    "sh_degree",
    "antialiased",
  ]),
  camera: ["camera", "camera_path", "cameras", "view_layer", "view_layers", "border", "motion_blur", "shutter"],
  file: ["format", "color_depth", "quality", "multilayer", "passes", "aovs", "tone_map", "exposure"].concat([
    "transparent",
    "background",
    "depth",
    "depth_unit",
    "web_copy",
  ]),
};

export function sectionsOf(fields: readonly Field[]): { section: Section; fields: Field[] }[] {
  const sections = SECTIONS.map((section) => ({
    section,
    fields: fields.filter((field) => sectionOf(field.name) === section).sort(byPlace(section)),
  }));
  return sections.filter((each) => each.fields.length > 0);
}

function sectionOf(name: string): Section {
  for (const section of SECTIONS) if (section !== "more" && PLACES[section].includes(name)) return section;
  return "more";
}

function byPlace(section: Section): (left: Field, right: Field) => number {
  const places = section === "more" ? [] : PLACES[section];
  return (left, right) => places.indexOf(left.name) - places.indexOf(right.name);
}
