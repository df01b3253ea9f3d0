// How many requests are under way at a time, over all uploads of this page.

export class Lanes {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(lanes: number) {
    this.free = lanes;
  }

  /** Does the work as soon as a lane is free; a signal that has been given meanwhile ends the wait by a throw. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve)); // the lane is handed over
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

/** All of them, or the first failure; after that no further one is begun. */
export async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  async function lane() {
    for (let item = items[next++]; item !== undefined && !hasFailed; item = items[next++]) {
      signal.throwIfAborted();
      try {
        await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}
