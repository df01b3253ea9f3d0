// The bytes of a model's file, by the links that the farm gives to its pieces.
import { api, type Schemas } from "@/shared/api/client";
import { formatBytes } from "@/shared/format/format";
import { projectHeader } from "@/shared/api/project";
import { Problem } from "@/shared/api/problem";
import { linkOf } from "@/shared/pictures/picture-file";
import { strings } from "@/strings/en";
import { MOST_VIEWED_BYTES } from "../viewable";

export interface ModelRef {
  project: string;
  id: string;
}

interface Reading {
  /** A file that is larger is not even begun. */
  mostBytes?: number;
  /** Between 0 and 1. */
  onProgress?: (done: number) => void;
}

/** Raises `Problem`. */
export async function fileBytes(
  model: ModelRef,
  path: string,
  signal: AbortSignal,
  { mostBytes = MOST_VIEWED_BYTES, onProgress }: Reading = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { data } = await api.GET("/v1/models/{model_id}/file", {
    params: { header: projectHeader(model.project), path: { model_id: model.id }, query: { path } },
    signal,
  });
  const file = data as Schemas["ModelFileView"];
  if (file.size_bytes > mostBytes) throw tooLarge(file.size_bytes, mostBytes);
  const bytes = new Uint8Array(file.size_bytes);
  let at = 0;
  for (const { url } of file.pieces) {
    const answer = await reach(url, signal);
    const reader = answer.body?.getReader();
    for (let piece = await reader?.read(); piece?.value !== undefined; piece = await reader?.read()) {
      if (at + piece.value.byteLength > bytes.byteLength) throw unreadable();
      bytes.set(piece.value, at);
      at += piece.value.byteLength;
      onProgress?.(bytes.byteLength === 0 ? 1 : at / bytes.byteLength);
    }
  }
  if (at !== bytes.byteLength) throw unreadable();
  return bytes;
}

async function reach(url: string, signal: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(linkOf(url), { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw unreadable();
  }
  if (!answer.ok) throw unreadable();
  return answer;
}

export function tooLarge(bytes: number, most: number): Problem {
  const detail = strings.models.tooLargeToView(formatBytes(bytes));
  return new Problem(0, { code: "too-large-to-view", detail, remedy: strings.models.tooLargeWords(formatBytes(most)) });
}

function unreadable(): Problem {
  return new Problem(0, { code: "file-unreadable", ...strings.models.unreadable });
}
