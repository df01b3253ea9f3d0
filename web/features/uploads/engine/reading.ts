// Reads what somebody drops or picks: folders, files, zips. Handles, where the browser has them, let an upload go on
// after a reload without the files being dropped again.
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { gather, type Gathered, type SceneFile } from "./scene-files";
import { unpack } from "./unpacking";

export interface Dropped extends Gathered {
  handles: FileSystemHandle[];
}

const MOST_FILES = 200_000;

interface ReadableDirectory extends FileSystemDirectoryHandle {
  values(): AsyncIterable<FileSystemHandle>;
}
type HandleItem = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** What was dropped. Must be called while the event is being handled: its items are gone afterwards. */
export async function readDrop(transfer: DataTransfer): Promise<Dropped> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file") as HandleItem[];
  // All that is asked of the event is asked at once: it is empty after the first wait. What a mail program or another
  // page hands over has no place on the disk, and is a file alone.
  const alone = items.flatMap((item) => item.getAsFile() ?? []);
  const canHandle = items.every((item) => typeof item.getAsFileSystemHandle === "function");
  const asked = canHandle ? items.map((item) => item.getAsFileSystemHandle?.().catch(() => null) ?? null) : [];
  const entries = canHandle ? [] : items.flatMap((item) => item.webkitGetAsEntry() ?? []);
  const handles = (await Promise.all(asked)).filter((handle) => handle != null); // some browsers say undefined
  if (handles.length > 0) return readHandles(handles);
  return entries.length > 0 ? readEntries(entries) : readPicked(alone);
}

/** What an input of files, or of a folder, was given. */
export async function readPicked(files: Iterable<File>): Promise<Dropped> {
  const found = [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return opened(found, []);
}

/** The files behind handles. */
export async function readHandles(handles: FileSystemHandle[]): Promise<Dropped> {
  const files: SceneFile[] = [];
  for (const handle of handles) await readHandle(handle, "", files);
  return opened(files, handles);
}

async function readHandle(handle: FileSystemHandle, above: string, into: SceneFile[]): Promise<void> {
  if (handle.kind === "file") {
    add(into, { path: above + handle.name, file: await (handle as FileSystemFileHandle).getFile() });
    return;
  }
  for await (const child of (handle as ReadableDirectory).values()) {
    await readHandle(child, `${above}${handle.name}/`, into);
  }
}

async function readEntries(entries: readonly FileSystemEntry[]): Promise<Dropped> {
  const files: SceneFile[] = [];
  for (const entry of entries) await readEntry(entry, files);
  return opened(files, []);
}

async function readEntry(entry: FileSystemEntry, into: SceneFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    add(into, { path: entry.fullPath.replace(/^\/+/, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A browser gives some hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const child of some) await readEntry(child, into);
  }
}

function add(into: SceneFile[], file: SceneFile): void {
  if (into.length >= MOST_FILES) throw new Problem(0, { code: "too-many-files", ...strings.uploads.tooMany });
  into.push(file);
}

/** A zip that comes alone is what is in it. */
async function opened(files: SceneFile[], handles: FileSystemHandle[]): Promise<Dropped> {
  const [only] = files;
  if (files.length === 1 && only !== undefined && isZip(only.path)) {
    const inside = await unpack(only.file);
    return { ...gather(inside, only.file.name.replace(/\.zip$/i, "")), handles };
  }
  return { ...gather(files, null), handles };
}

function isZip(path: string): boolean {
  return path.toLowerCase().endsWith(".zip");
}
