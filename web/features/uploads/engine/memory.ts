// What this browser remembers of uploads over a reload: digests of files that it has read, and uploads that are not
// done. Where it remembers nothing (private windows), uploads work all the same.
import type { MainFile } from "./main-file";

export interface UploadRecord {
  id: string;
  project: string;
  /** Of the model. */
  name: string;
  /** Of the folder or zip that was dropped; null: files side by side. */
  folder: string | null;
  main: MainFile;
  files: number;
  bytes: number;
  startedAt: string;
  /** What was dropped, to be read again without being dropped again, where the browser gives that. */
  handles: FileSystemHandle[];
}

const NAME = "rayfarm-uploads";
const UPLOADS = "uploads";
const DIGESTS = "digests";
const DIGESTS_LIVE_MS = 14 * 86_400_000;

let opened: Promise<IDBDatabase | null> | null = null;

function open(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    if (typeof indexedDB === "undefined") return resolve(null);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPLOADS, { keyPath: "id" });
      request.result.createObjectStore(DIGESTS, { keyPath: "stamp" }).createIndex("at", "at");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
  });
  return opened;
}

/** The end of a transaction; null: there is no memory, or it failed. */
async function within<T>(
  store: string,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T> | void,
): Promise<T | null> {
  const database = await open();
  if (database === null) return null;
  return new Promise((resolve) => {
    const transaction = database.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request === undefined ? null : request.result);
    transaction.onerror = () => resolve(null);
    transaction.onabort = () => resolve(null);
  });
}

export async function rememberUpload(record: UploadRecord): Promise<void> {
  await within(UPLOADS, "readwrite", (store) => void store.put(record));
}

export async function forgetUpload(id: string): Promise<void> {
  await within(UPLOADS, "readwrite", (store) => void store.delete(id));
}

export async function rememberedUploads(): Promise<UploadRecord[]> {
  return (await within<UploadRecord[]>(UPLOADS, "readonly", (store) => store.getAll())) ?? [];
}

/** Names of files and folders are their owner's: the next one at this browser sees none of them. */
export async function forgetEverything(): Promise<void> {
  await within(UPLOADS, "readwrite", (store) => void store.clear());
  await within(DIGESTS, "readwrite", (store) => void store.clear());
}

/** Digests by stamp, of those files that were read before. */
export async function rememberedDigests(stamps: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await within(DIGESTS, "readonly", (store) => {
    for (const stamp of stamps) {
      const request = store.get(stamp);
      request.onsuccess = () => {
        const row = request.result as { digest: string } | undefined;
        if (row !== undefined) found.set(stamp, row.digest);
      };
    }
  });
  return found;
}

export async function rememberDigests(digests: ReadonlyMap<string, string>): Promise<void> {
  const at = Date.now();
  await within(DIGESTS, "readwrite", (store) => {
    for (const [stamp, digest] of digests) store.put({ stamp, digest, at });
    const old = store.index("at").openCursor(IDBKeyRange.upperBound(at - DIGESTS_LIVE_MS));
    old.onsuccess = () => {
      old.result?.delete();
      old.result?.continue();
    };
  });
}

export async function forgetDigests(stamps: readonly string[]): Promise<void> {
  await within(DIGESTS, "readwrite", (store) => stamps.forEach((stamp) => store.delete(stamp)));
}
