// The fields of the step dialog, and the request that they make.
import type { paths } from "@/shared/api/schema";

type StepBody = paths["/v1/jobs/{job_id}/steps"]["post"]["requestBody"]["content"]["application/json"];
type StepKind = StepBody["step"];
type Of<Kind extends StepKind> = Extract<StepBody, { step: Kind }>;

export const STEP_KINDS = [
  "denoise",
  "upscale",
  "tonemap",
  "contact_sheet",
  "compare",
  "video",
] as const satisfies readonly StepKind[];

/** "" in a field: left to the farm. */
export interface StepValues {
  step: StepKind;
  frames: string;
  quality: Of<"denoise">["quality"];
  guides: Of<"denoise">["guides"];
  factor: string;
  method: Of<"upscale">["method"];
  exposure: number | string;
  curve: Of<"tonemap">["curve"];
  columns: number | string;
  cell_width: number | string;
  labels: boolean;
  with_job: string;
  with_frame: number | string;
  codec: Of<"video">["codec"];
  fps: number | string;
  audio: Of<"video">["audio"];
}

export const FIRST_STEP: StepValues = {
  step: "denoise",
  frames: "",
  quality: "high",
  guides: "auto",
  factor: "2",
  method: "auto",
  exposure: 0,
  curve: "filmic",
  columns: "",
  cell_width: 320,
  labels: true,
  with_job: "",
  with_frame: "",
  codec: "h264",
  fps: "",
  audio: "auto",
};

/** The step with its own fields alone: the farm refuses those of others. */
export function stepOf(values: StepValues): StepBody {
  const frames = textOrNull(values.frames);
  switch (values.step) {
    case "denoise":
      return { step: "denoise", frames, quality: values.quality, guides: values.guides };
    case "upscale":
      return {
        step: "upscale",
        frames,
        factor: Number(values.factor) as Of<"upscale">["factor"],
        method: values.method,
      };
    case "tonemap":
      return { step: "tonemap", frames, exposure: numberOrNull(values.exposure) ?? 0, curve: values.curve };
    case "contact_sheet":
      return {
        step: "contact_sheet",
        frames,
        columns: numberOrNull(values.columns),
        cell_width: numberOrNull(values.cell_width) ?? 320,
        labels: values.labels,
      };
    case "compare":
      return {
        step: "compare",
        frames,
        with_job: textOrNull(values.with_job),
        with_frame: numberOrNull(values.with_frame),
      };
    case "video":
      return { step: "video", frames, codec: values.codec, fps: numberOrNull(values.fps), audio: values.audio };
  }
}

function textOrNull(text: string): string | null {
  return text.trim() === "" ? null : text.trim();
}

function numberOrNull(value: number | string): number | null {
  return value === "" ? null : Number(value);
}
