// Sends what the farm lacks, in the way that fits each file (docs/api/uploads.md): small ones together, large ones in
// parts, the others each alone.
import { api, type Schemas } from "@/shared/api/client";
import { projectHeader } from "@/shared/api/project";
import { asProblem } from "@/shared/api/problem";
import { explain, fileChanged } from "./file-changed";
import { inLanes } from "./lanes";
import { counted, type Line, type Piece } from "./line";
import { sendInParts } from "./parts";
import { withRetries } from "./retrying";
import { sendBytes } from "./sent-bytes";
import { ARCHIVE_END_BYTES, archivedBytes, tarOf } from "./tar";

type Accepts = Schemas["Accepts"];

const DIGESTS_PER_QUESTION = 5000;
/** Smaller archives than the farm would take: it answers within seconds, and a broken line costs little. */
const MOST_FILES = 2000;
const MOST_BYTES = 32 << 20;
const IN_PARTS_FROM_BYTES = 64 << 20;
/** Tasks that are prepared at a time; how many requests there are is up to the lanes. */
const TASKS = 3;

export interface Lacking {
  pieces: Piece[];
  accepts: Accepts | null;
}

/** Those of the pieces that the project has not uploaded, each once. */
export async function lackingOf(pieces: readonly Piece[], line: Line): Promise<Lacking> {
  const byDigest = new Map(pieces.map((piece) => [piece.digest, piece]));
  const digests = [...byDigest.keys()];
  const lacking: Piece[] = [];
  let accepts: Accepts | null = null;
  for (let start = 0; start < digests.length; start += DIGESTS_PER_QUESTION) {
    const asked = digests.slice(start, start + DIGESTS_PER_QUESTION);
    const answer = await withRetries(() => ask(asked, line), line.signal, line.pause);
    accepts = answer.accepts;
    lacking.push(...answer.lacking.flatMap((digest) => byDigest.get(digest) ?? []));
  }
  return { pieces: lacking, accepts };
}

async function ask(digests: string[], line: Line) {
  const { data } = await api.POST("/v1/blobs/lacking", {
    params: { header: projectHeader(line.project) },
    body: { digests },
    signal: line.signal,
  });
  return data as Schemas["LackingAnswer"];
}

export async function sendLacking({ pieces, accepts }: Lacking, line: Line): Promise<void> {
  const { archives, alone } = sortedOut(pieces, accepts);
  const tasks = [
    ...archives.map((archive) => () => sendArchive(archive, line)),
    ...alone.map((piece) => () => sendAlone(piece, accepts, line)),
  ];
  await inLanes(tasks, TASKS, (task) => task(), line.signal);
}

/** Which pieces go together in archives, and which alone: the farm's limits, and what is sensible. */
export function sortedOut(pieces: readonly Piece[], accepts: Accepts | null): { archives: Piece[][]; alone: Piece[] } {
  const archives: Piece[][] = [];
  const alone: Piece[] = [];
  if (accepts === null) return { archives, alone: [...pieces] };
  const mostFiles = Math.min(MOST_FILES, accepts.batch_files);
  const mostBytes = Math.min(MOST_BYTES, accepts.batch_bytes) - ARCHIVE_END_BYTES;
  let size = Infinity;
  for (const piece of pieces) {
    const more = archivedBytes(piece.file.size);
    if (piece.file.size > accepts.batch_file_bytes || more > mostBytes) {
      alone.push(piece);
      continue;
    }
    const open = archives.at(-1);
    if (open === undefined || open.length >= mostFiles || size + more > mostBytes) {
      archives.push([piece]);
      size = more;
    } else {
      open.push(piece);
      size += more;
    }
  }
  return { archives, alone };
}

async function sendArchive(pieces: readonly Piece[], line: Line): Promise<void> {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return sendWhole(only, line);
  const content = pieces.reduce((total, { file }) => total + file.size, 0);
  const body = tarOf(pieces);
  const text = await withRetries(
    () =>
      counted(line, content / body.size, (onProgress) =>
        sendBytes({
          method: "POST",
          url: "/v1/blobs:batch",
          body,
          headers: { "Content-Type": "application/x-tar", ...projectHeader(line.project) },
          isSigned: true,
          onProgress,
          signal: line.signal,
        }).catch((error: unknown) => explain(pieces, error)),
      ),
    line.signal,
    line.pause,
  );
  const answer = JSON.parse(text) as Schemas["BatchAnswer"];
  const refused = new Set(answer.items.filter(({ state }) => state === "refused").map(({ digest }) => digest));
  for (const piece of pieces) {
    if (!refused.has(piece.digest)) continue;
    line.onSent(-piece.file.size);
    await sendWhole(piece, line); // for the farm's own words on it
  }
}

async function sendAlone(piece: Piece, accepts: Accepts | null, line: Line): Promise<void> {
  const isLarge = piece.file.size >= IN_PARTS_FROM_BYTES && typeof accepts?.part_bytes === "number";
  if (isLarge && (await sendInParts(piece, line))) return;
  await sendWhole(piece, line);
}

async function sendWhole(piece: Piece, line: Line): Promise<void> {
  try {
    await withRetries(
      () =>
        counted(line, 1, (onProgress) =>
          sendBytes({
            method: "PUT",
            url: `/v1/blobs/${piece.digest}`,
            body: piece.file,
            headers: { "Content-Type": "application/octet-stream", ...projectHeader(line.project) },
            isSigned: true,
            onProgress,
            signal: line.signal,
          }).catch((error: unknown) => explain([piece], error)),
        ),
      line.signal,
      line.pause,
    );
  } catch (error) {
    throw asProblem(error).code === "digest-mismatch" ? fileChanged(piece.path) : error;
  }
}
