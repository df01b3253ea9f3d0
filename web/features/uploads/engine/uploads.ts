// All uploads of this page, outside of React: they go on while one walks from page to page. Each can be ended at any
// time and run again from its beginning, because what is known (digests, blobs, parts) is not done twice.
import { asProblem, Problem } from "@/shared/api/problem";
import { randomKey } from "@/shared/session/random-key";
import { strings } from "@/strings/en";
import { digestsOf } from "./digests";
import { FILE_CHANGED } from "./file-changed";
import type { Hasher } from "./hash-pool";
import { Lanes } from "./lanes";
import type { Line } from "./line";
import type { MainFile } from "./main-file";
import { forgetDigests, forgetUpload, rememberedUploads, rememberUpload } from "./memory";
import { register, type Manifest, type Model } from "./registering";
import type { Pause } from "./retrying";
import { stampOf, type SceneFile } from "./scene-files";
import { lackingOf, sendLacking, type Lacking } from "./sending";
import { Speed } from "./speed";
import { isUnderWay, type Upload } from "./upload";

export interface NewUpload {
  project: string;
  name: string;
  folder: string | null;
  main: MainFile;
  files: readonly SceneFile[];
  handles?: FileSystemHandle[];
  /** What the model has already: it is a version with more files in it. */
  base?: Pick<Manifest, "files" | "remap">;
}

interface Work {
  order: NewUpload;
  abort: AbortController | null;
}

export interface Tools {
  hash: Hasher;
  pause: Pause;
  now: () => number;
}

const REQUESTS = 3;
const TELL_EVERY_MS = 200;

export class Uploads {
  private list: readonly Upload[] = [];
  private readonly work = new Map<string, Work>();
  private readonly listeners = new Set<() => void>();
  private readonly lanes = new Lanes(REQUESTS);
  private readonly tools: Tools;
  private reopenable = new Map<string, FileSystemHandle[]>();

  constructor(tools: Tools) {
    this.tools = tools;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly all = (): readonly Upload[] => this.list;

  find(id: string): Upload | null {
    return this.list.find((upload) => upload.id === id) ?? null;
  }

  /** Begins; the answer is its id. What was begun of the same folder before a reload is taken up. */
  start(order: NewUpload): string {
    const before = this.list.find(
      ({ state, project, folder, name }) =>
        state === "interrupted" && project === order.project && folder === order.folder && name === order.name,
    );
    const id = before?.id ?? randomKey();
    const bytes = order.files.reduce((total, { file }) => total + file.size, 0);
    const upload: Upload = {
      id,
      project: order.project,
      name: order.name,
      folder: order.folder,
      main: order.main,
      state: "hashing",
      files: order.files.length,
      bytes,
      hashedBytes: 0,
      lackingBytes: null,
      sentBytes: 0,
      bytesPerSecond: null,
      problem: null,
      model: null,
      canReopen: false,
    };
    this.list = [...this.list.filter((each) => each.id !== id), upload];
    this.work.set(id, { order, abort: null });
    this.tell();
    if (order.base === undefined) {
      const { project, name, folder, main, handles = [] } = order;
      const startedAt = new Date(this.tools.now()).toISOString();
      void rememberUpload({ id, project, name, folder, main, files: upload.files, bytes, startedAt, handles });
    }
    void this.run(id);
    return id;
  }

  /** Uploads of before this page was loaded that no other tab is at. */
  async recall(): Promise<void> {
    const held = await heldLocks();
    const known = new Set(this.list.map(({ id }) => id));
    const found = (await rememberedUploads()).filter(({ id }) => !known.has(id) && !held.has(lockOf(id)));
    if (found.length === 0) return;
    for (const { id, handles } of found) this.reopenable.set(id, handles);
    const interrupted = found.map((record): Upload => ({
      ...record,
      state: "interrupted",
      hashedBytes: 0,
      lackingBytes: null,
      sentBytes: 0,
      bytesPerSecond: null,
      problem: null,
      model: null,
      canReopen: record.handles.length > 0,
    }));
    this.list = [...this.list, ...interrupted];
    this.tell();
  }

  handlesOf(id: string): FileSystemHandle[] {
    return this.reopenable.get(id) ?? [];
  }

  pause(id: string): void {
    this.work.get(id)?.abort?.abort();
    this.change(id, { state: "paused", bytesPerSecond: null });
  }

  /** Goes on, or tries again. */
  resume(id: string): void {
    const upload = this.find(id);
    if (upload === null || isUnderWay(upload) || !this.work.has(id)) return;
    void this.run(id);
  }

  /**
   * Ends it and forgets it. Parts that the farm has of it stay until they expire there: the farm keeps one upload of a
   * file for all of a project, and a colleague may be sending the same one.
   */
  cancel(id: string): void {
    const work = this.work.get(id);
    this.dismiss(id);
    work?.abort?.abort();
  }

  /** Takes it from the list. */
  dismiss(id: string): void {
    this.list = this.list.filter((upload) => upload.id !== id);
    this.work.delete(id);
    void forgetUpload(id);
    this.tell();
  }

  /** Nobody is signed in any more: nothing goes on, and nothing is shown to whoever is next. */
  leave(): void {
    for (const { abort } of this.work.values()) abort?.abort();
    this.work.clear();
    this.list = [];
    this.tell();
  }

  private async run(id: string): Promise<void> {
    const work = this.work.get(id);
    if (work === undefined) return;
    const abort = new AbortController();
    work.abort = abort;
    this.change(id, { state: "hashing", hashedBytes: 0, lackingBytes: null, sentBytes: 0, problem: null });
    try {
      await holding(lockOf(id), () => this.steps(id, work, abort.signal));
    } catch (error) {
      if (abort.signal.aborted) return;
      const problem = asProblem(error);
      if (problem.code === FILE_CHANGED) await this.forgetFile(work.order, problem.body.path);
      this.change(id, { state: "failed", problem, bytesPerSecond: null });
    }
  }

  private async steps(id: string, { order }: Work, signal: AbortSignal): Promise<void> {
    const { files, base } = order;
    let hashed = 0;
    const digests = await digestsOf(
      files,
      this.tools.hash,
      (bytes) => this.changeSoon(id, { hashedBytes: (hashed += bytes) }),
      signal,
    );
    const line: Line = {
      project: order.project,
      lanes: this.lanes,
      signal,
      pause: this.tools.pause,
      onSent: () => undefined,
    };
    const pieces = files.map(({ path, file }) => ({ path, file, digest: digests.get(path) ?? "" }));
    await this.send(id, await lackingOf(pieces, line), line);
    this.change(id, { state: "registering", bytesPerSecond: null });
    const sent = pieces.map(({ path, file, digest }) => ({ path, digest, size_bytes: file.size, chunks: [] }));
    const replaced = new Set(sent.map(({ path }) => path));
    const kept = (base?.files ?? []).filter(({ path }) => !replaced.has(path));
    const manifest: Manifest = {
      kind: order.main.kind,
      main: order.main.path,
      files: [...kept, ...sent],
      remap: base?.remap ?? {},
    };
    const model = await register(order.name, manifest, line, (newest) => this.follow(id, newest));
    void forgetUpload(id);
    this.change(id, { state: endOf(model), problem: problemOf(model) });
  }

  private async send(id: string, lacking: Lacking, line: Line): Promise<void> {
    const lackingBytes = lacking.pieces.reduce((total, { file }) => total + file.size, 0);
    this.change(id, { state: "sending", lackingBytes });
    const speed = new Speed();
    let sent = 0;
    const onSent = (bytes: number) => {
      sent += bytes;
      speed.add(sent, this.tools.now());
      this.changeSoon(id, { sentBytes: sent, bytesPerSecond: speed.bytesPerSecond() });
    };
    await sendLacking(lacking, { ...line, onSent });
    this.change(id, { sentBytes: lackingBytes });
  }

  private follow(id: string, model: Model): void {
    this.change(id, model.state === "probing" ? { state: "probing", model } : { model });
  }

  private async forgetFile({ files }: NewUpload, path: unknown): Promise<void> {
    await forgetDigests(files.filter((each) => each.path === path).map(stampOf));
  }

  private change(id: string, change: Partial<Upload>): void {
    this.list = this.list.map((upload) => (upload.id === id ? { ...upload, ...change } : upload));
    this.tell();
  }

  private toldAt = 0;

  /** For what changes often: the page is told some times in a second. */
  private changeSoon(id: string, change: Partial<Upload>): void {
    this.list = this.list.map((upload) => (upload.id === id ? { ...upload, ...change } : upload));
    if (this.tools.now() - this.toldAt >= TELL_EVERY_MS) this.tell();
  }

  private tell(): void {
    this.toldAt = this.tools.now();
    for (const listener of this.listeners) listener();
  }
}

function endOf(model: Model): "ready" | "incomplete" | "invalid" {
  return model.state === "ready" || model.state === "incomplete" ? model.state : "invalid";
}

/** Why a model cannot be rendered, in the farm's words. */
function problemOf(model: Model): Problem | null {
  if (model.state === "ready") return null;
  if (model.state === "incomplete") {
    return new Problem(0, {
      code: "incomplete",
      detail: strings.uploads.filesMissing((model.missing ?? []).length),
      remedy: model.remedy ?? null,
    });
  }
  const { detail, message, title } = model.problem ?? {};
  const words = [detail, message, title].find((each) => typeof each === "string") as string | undefined;
  return new Problem(0, { code: "invalid", detail: words ?? strings.uploads.invalid, remedy: model.remedy ?? null });
}

function lockOf(id: string): string {
  return `rayfarm.upload.${id}`;
}

async function heldLocks(): Promise<Set<string>> {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return new Set();
  const { held = [] } = await navigator.locks.query();
  return new Set(held.flatMap(({ name }) => name ?? []));
}

/** So that no other tab takes the upload for an interrupted one. */
async function holding(lock: string, work: () => Promise<void>): Promise<void> {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return work();
  await navigator.locks.request(lock, work);
}
