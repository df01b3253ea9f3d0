// How fast bytes go, over the last seconds: what tells how long the rest takes.

const WINDOW_MS = 8000;

export class Speed {
  private samples: { at: number; bytes: number }[] = [];

  add(bytes: number, at: number): void {
    this.samples.push({ at, bytes });
    while ((this.samples[1]?.at ?? Infinity) < at - WINDOW_MS) this.samples.shift();
  }

  /** Null: not known yet. */
  bytesPerSecond(): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < 1000) return null;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.at - first.at));
  }
}
