// Sends a large file in parts, and goes on where an earlier try stopped, of whatever browser: uploads of one digest in
// a project are one.
import { api, type Schemas } from "@/shared/api/client";
import { projectHeader } from "@/shared/api/project";
import { asProblem, Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { explain, fileChanged, requireReadable } from "./file-changed";
import { inLanes } from "./lanes";
import { counted, type Line, type Piece } from "./line";
import { withRetries } from "./retrying";
import { sendBytes } from "./sent-bytes";

type Upload = Schemas["UploadView"];
type Part = Schemas["UploadPart"];

const PARTS_AT_A_TIME = 3;
/** Times that fresh links are asked for without a part having come. */
const ROUNDS = 5;
const VERIFYING_PAUSE_MS = 1000;
/** A link that is over, or whose part the storage forgot. */
const LINK_OVER = [403, 404];

/** False: this browser does not reach the storage, where the farm does; nothing was sent. */
export async function sendInParts(piece: Piece, line: Line): Promise<boolean> {
  const params = { header: projectHeader(line.project) };
  let upload = await again(() =>
    api.POST("/v1/uploads", {
      params,
      body: { digest: piece.digest, size_bytes: piece.file.size },
      signal: line.signal,
    }),
  );
  const path = { upload_id: upload.id };
  const told = new Set<number>();
  let rounds = 0;
  while (upload.state === "open") {
    for (const part of upload.parts ?? []) tellOnce(part, part.is_there);
    const todo = (upload.parts ?? []).filter((part) => !part.is_there && typeof part.url === "string");
    if (todo.length > 0) {
      if (told.size === 0 && !(await reaches(todo[0] as Part))) {
        await api.DELETE("/v1/uploads/{upload_id}", { params: { ...params, path }, signal: line.signal });
        return false;
      }
      const before = told.size;
      const rest = todo.filter(({ number }) => !told.has(number));
      await inLanes(rest, PARTS_AT_A_TIME, (part) => sendPart(part), line.signal);
      rounds = told.size > before || rest.length < todo.length ? 0 : rounds + 1;
      if (rounds >= ROUNDS) throw new Problem(0, { code: "links-refused", ...strings.uploads.linksRefused });
      upload = await again(() =>
        api.GET("/v1/uploads/{upload_id}", { params: { ...params, path }, signal: line.signal }),
      );
      if (upload.state === "open" && (upload.parts ?? []).some((part) => !part.is_there)) continue;
    }
    if (upload.state === "open") upload = await complete();
  }
  while (upload.state === "verifying") {
    await line.pause(VERIFYING_PAUSE_MS, line.signal);
    line.signal.throwIfAborted();
    upload = await complete();
  }
  if (upload.state === "refused") throw fileChanged(piece.path);
  return true;

  async function complete(): Promise<Upload> {
    try {
      return await again(() =>
        api.POST("/v1/uploads/{upload_id}:complete", { params: { ...params, path }, signal: line.signal }),
      );
    } catch (error) {
      const { code } = asProblem(error);
      if (code === "digest-mismatch") throw fileChanged(piece.path);
      if (code !== "upload-incomplete") throw error;
      return again(() => api.GET("/v1/uploads/{upload_id}", { params: { ...params, path }, signal: line.signal }));
    }
  }

  async function again(call: () => Promise<{ data?: Upload }>): Promise<Upload> {
    return withRetries(async () => (await call()).data as Upload, line.signal, line.pause);
  }

  async function reaches(part: Part): Promise<boolean> {
    try {
      await put(part);
      return true;
    } catch (error) {
      line.signal.throwIfAborted();
      const problem = asProblem(error);
      if (problem.status === 0) {
        await requireReadable(piece.path, piece.file);
        return false;
      }
      if (LINK_OVER.includes(problem.status)) return true; // it answers, and the next links may do
      throw error;
    }
  }

  async function sendPart(part: Part): Promise<void> {
    try {
      const send = () => put(part).catch((error: unknown) => explain([piece], error));
      await withRetries(send, line.signal, line.pause);
    } catch (error) {
      if (!LINK_OVER.includes(asProblem(error).status)) throw error;
    }
  }

  async function put(part: Part): Promise<void> {
    const start = (part.number - 1) * upload.part_bytes;
    const body = piece.file.slice(start, start + part.size_bytes);
    await counted(line, 1, (onProgress) =>
      sendBytes({ method: "PUT", url: part.url as string, body, isSigned: false, onProgress, signal: line.signal }),
    );
    told.add(part.number);
  }

  function tellOnce(part: Part, isThere: boolean): void {
    if (!isThere || told.has(part.number)) return;
    told.add(part.number);
    line.onSent(part.size_bytes);
  }
}
