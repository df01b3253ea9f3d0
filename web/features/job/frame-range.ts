// The frames of a job as the API writes them: "1-250", "1-100:2", "5,10,20-30", "100-1". A million frames cost no
// memory: they are held as runs. An ordinal is a frame's place in the range, from 0; all states are kept by it.

interface Run {
  first: number;
  count: number;
  step: number;
}

const ITEM = /^(-?\d{1,9})(?:-(-?\d{1,9})(?::(-?\d{1,9}))?)?$/;

export class FrameRange {
  readonly size: number;
  private readonly starts: number[] = [];

  private constructor(private readonly runs: readonly Run[]) {
    let size = 0;
    for (const run of runs) {
      this.starts.push(size);
      size += run.count;
    }
    this.size = size;
  }

  /** Reads the syntax; null where it is none. A frame that is named twice counts once, at its first place. */
  static parse(text: string): FrameRange | null {
    const runs: Run[] = [];
    for (const item of text.split(",")) {
      const run = runOf(item.trim());
      if (run === null) return null;
      runs.push(run);
    }
    return new FrameRange(cross(runs) ? distinct(runs) : runs);
  }

  frameAt(ordinal: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= ordinal) low = middle;
      else high = middle - 1;
    }
    const run = this.runs[low]!;
    return run.first + (ordinal - this.starts[low]!) * run.step;
  }

  /** The place of a frame; null: it is not in the range. */
  ordinalOf(frame: number): number | null {
    for (let index = 0; index < this.runs.length; index += 1) {
      const { first, count, step } = this.runs[index]!;
      const place = (frame - first) / step;
      if (Number.isInteger(place) && place >= 0 && place < count) return this.starts[index]! + place;
    }
    return null;
  }
}

function runOf(item: string): Run | null {
  const match = ITEM.exec(item);
  if (match === null) return null;
  const first = Number(match[1]);
  if (match[2] === undefined) return { first, count: 1, step: 1 };
  const last = Number(match[2]);
  const size = Math.abs(match[3] === undefined ? 1 : Number(match[3]));
  if (size === 0) return null;
  return { first, count: Math.floor(Math.abs(last - first) / size) + 1, step: last < first ? -size : size };
}

/** Whether two items may name the same frame. */
function cross(runs: readonly Run[]): boolean {
  const spans = runs.map(({ first, count, step }) => {
    const last = first + (count - 1) * step;
    return [Math.min(first, last), Math.max(first, last)] as const;
  });
  spans.sort((one, other) => one[0] - other[0]);
  return spans.some((span, index) => index > 0 && span[0] <= spans[index - 1]![1]);
}

function distinct(runs: readonly Run[]): Run[] {
  const seen = new Set<number>();
  const kept: Run[] = [];
  for (const { first, count, step } of runs) {
    let open: Run | null = null;
    for (let index = 0; index < count; index += 1) {
      const frame = first + index * step;
      if (seen.has(frame)) {
        open = null;
        continue;
      }
      seen.add(frame);
      if (open === null) kept.push((open = { first: frame, count: 1, step }));
      else open.count += 1;
    }
  }
  return kept;
}

/** The shortest text that names these frames: "1-5,9", "1-99:2". */
export function rangeText(frames: Iterable<number>): string {
  const sorted = Int32Array.from(frames).sort();
  const items: string[] = [];
  let index = 0;
  while (index < sorted.length) {
    const first = sorted[index]!;
    const step = index + 1 < sorted.length ? sorted[index + 1]! - first : 0;
    let last = index + 1;
    while (last + 1 < sorted.length && sorted[last + 1]! - sorted[last]! === step) last += 1;
    const count = last - index + 1;
    if (step === 1) items.push(`${first}-${sorted[last]!}`);
    else if (step > 1 && count >= 3) items.push(`${first}-${sorted[last]!}:${step}`);
    else {
      items.push(String(first));
      last = index;
    }
    index = last + 1;
  }
  return items.join(",");
}
