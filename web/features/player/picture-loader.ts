// Loads and decodes pictures in the order of how soon they are shown, a few at a time.
import { fetchFile, hasLinkEnded, type Artifact } from "@/shared/pictures/picture-file";
import { strings } from "@/strings/en";
import type { Catalogue } from "./catalogue";
import type { Decoded, PictureCache } from "./picture-cache";

/** Browsers open six connections to a host that speaks HTTP/1.1; one is the live feed's. */
const AT_ONCE = 5;
/** How long a picture that cannot be loaded is left alone. */
const PAUSE_MS = 5000;

export type Decode<Picture> = (file: Blob) => Promise<Picture>;

interface LoaderOptions<Picture extends Decoded> {
  catalogue: Catalogue;
  cache: PictureCache<number, Picture>;
  decode: Decode<Picture>;
  onLoaded: (ordinal: number) => void;
  fetchFile?: (url: string, signal?: AbortSignal) => Promise<Blob>;
  now?: () => number;
}

export class PictureLoader<Picture extends Decoded> {
  private queue: readonly number[] = [];
  private readonly running = new Map<number, AbortController>();
  private readonly restingUntil = new Map<number, number>();
  private isOver = false;

  constructor(private readonly options: LoaderOptions<Picture>) {}

  /** Replaces what is wanted; what runs and is wanted no more is ended. */
  want(ordinals: readonly number[]): void {
    this.queue = ordinals;
    for (const [ordinal, abort] of this.running) if (!ordinals.includes(ordinal)) abort.abort();
    this.pump();
  }

  /** Whether its picture can be waited for: not one that has just failed. */
  isComing(ordinal: number): boolean {
    return !this.isResting(ordinal);
  }

  /** These frames have other pictures now; the old one is shown until the new one is there. */
  renew(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      this.running.get(ordinal)?.abort();
      this.restingUntil.delete(ordinal);
      this.options.cache.drop(ordinal);
    }
  }

  /** What could not be loaded is tried again at once. */
  retry(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) this.restingUntil.delete(ordinal);
  }

  close(): void {
    this.isOver = true;
    this.queue = [];
    for (const abort of this.running.values()) abort.abort();
    this.options.cache.clear();
  }

  private pump(): void {
    for (const ordinal of this.queue) {
      if (this.running.size >= AT_ONCE) return;
      if (this.running.has(ordinal) || this.options.cache.has(ordinal) || this.isResting(ordinal)) continue;
      void this.load(ordinal);
    }
  }

  private isResting(ordinal: number): boolean {
    return (this.restingUntil.get(ordinal) ?? 0) > this.now();
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }

  private async load(ordinal: number): Promise<void> {
    const abort = new AbortController();
    this.running.set(ordinal, abort);
    try {
      const picture = await this.options.decode(await this.fileOf(ordinal, abort.signal));
      if (abort.signal.aborted || this.isOver) picture.close();
      else this.options.cache.put(ordinal, picture);
    } catch {
      // A frame that cannot be shown is held over, like one that is missing; it is tried again later.
      if (!abort.signal.aborted) this.restingUntil.set(ordinal, this.now() + PAUSE_MS);
    } finally {
      this.running.delete(ordinal);
    }
    if (this.isOver) return;
    this.options.onLoaded(ordinal);
    this.pump();
  }

  private async fileOf(ordinal: number, signal: AbortSignal): Promise<Blob> {
    const { catalogue } = this.options;
    const fetchOne = this.options.fetchFile ?? fetchFile;
    const link = async () => urlOf((await catalogue.picturesOf(ordinal)).small);
    try {
      return await fetchOne(await link(), signal);
    } catch (error) {
      if (!hasLinkEnded(error)) throw error;
      catalogue.forget([ordinal]);
      return fetchOne(await link(), signal);
    }
  }
}

function urlOf(artifact: Artifact | null): string {
  if (artifact === null || artifact.url === null) throw new Error(strings.faults.noPicture);
  return artifact.url;
}
