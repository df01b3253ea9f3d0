// Which files show a frame, and their links: asked for a hundred frames at a time, and again where a frame has been
// rendered anew, or its links have ended.
import { isBrowserPicture, type Artifact } from "@/shared/pictures/picture-file";

export interface Pictures {
  /** Small, for playing; a small frame is its own. */
  small: Artifact | null;
  /** As rendered, where browsers can show it. */
  full: Artifact | null;
  /** The frame's file, whatever it is. */
  frame: Artifact | null;
}

/** Files of kind `frame` and `preview` of these ordinals, inclusive. */
export type ListPictures = (first: number, last: number) => Promise<Artifact[]>;

export const BLOCK = 100;
/** Links live for hours; they are asked for again long before. */
const OLDEST_LINK_MS = 30 * 60_000;
/** A preview comes a moment behind its frame: until then the farm is asked again, at most this often. */
const AGAIN_MS = 2000;

interface Block {
  files: Promise<Map<number, Pictures>>;
  askedAt: number;
  stale: Set<number>;
}

export class Catalogue {
  private readonly blocks = new Map<number, Block>();

  constructor(
    private readonly list: ListPictures,
    private readonly size: number,
    private readonly now: () => number = Date.now,
  ) {}

  async picturesOf(ordinal: number): Promise<Pictures> {
    const number = Math.floor(ordinal / BLOCK);
    let block = this.blocks.get(number);
    if (block === undefined || block.stale.has(ordinal) || this.now() - block.askedAt > OLDEST_LINK_MS) {
      block = this.ask(number);
    }
    let found = (await block.files).get(ordinal);
    if (found?.small == null && this.now() - block.askedAt > AGAIN_MS) {
      const newer = this.blocks.get(number);
      block = newer === undefined || newer === block ? this.ask(number) : newer;
      found = (await block.files).get(ordinal);
    }
    return found ?? NONE;
  }

  /** These frames have other files now. */
  forget(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) this.blocks.get(Math.floor(ordinal / BLOCK))?.stale.add(ordinal);
  }

  forgetAll(): void {
    this.blocks.clear();
  }

  private ask(number: number): Block {
    const first = number * BLOCK;
    const files = this.list(first, Math.min(first + BLOCK, this.size) - 1).then(byOrdinal);
    const block = { files, askedAt: this.now(), stale: new Set<number>() };
    this.blocks.set(number, block);
    files.catch(() => {
      if (this.blocks.get(number) === block) this.blocks.delete(number);
    });
    return block;
  }
}

const NONE: Pictures = { small: null, full: null, frame: null };

/** Files that have expired have no link and show nothing. */
function byOrdinal(artifacts: readonly Artifact[]): Map<number, Pictures> {
  const found = new Map<number, Pictures>();
  for (const artifact of artifacts) {
    if (artifact.ordinal == null || artifact.url === null) continue;
    const before = found.get(artifact.ordinal) ?? NONE;
    found.set(artifact.ordinal, withFile(before, artifact));
  }
  return found;
}

function withFile(before: Pictures, artifact: Artifact): Pictures {
  if (artifact.kind === "preview") return { ...before, small: artifact };
  const full = isBrowserPicture(artifact) ? artifact : null;
  return { small: before.small ?? full, full, frame: artifact };
}
