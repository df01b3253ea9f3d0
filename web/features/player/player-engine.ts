// The player without its face: what plays, what is drawn. One loop by animation frames, and no component renders for
// a frame: who shows the number of the frame listens to `onFrame`, who shows buttons to `subscribe`.
import type { Catalogue } from "./catalogue";
import { PictureCache, type Decoded } from "./picture-cache";
import { PictureLoader, type Decode } from "./picture-loader";
import { advance, clamp, shownAt, wanted, type Pace, type Stretch } from "./playhead";

/** Decoded previews of 480 x 270 are half a megabyte: some 750 of them. */
const CACHE_BYTES = 384 * 1024 ** 2;
const AHEAD = 60;
/** Until the scene's own is known. */
export const DEFAULT_FPS = 24;
export const SPEEDS = [0.25, 0.5, 1, 2, 4] as const;

/** What is on the screen. */
export interface Shown {
  at: number;
  /** Whose picture it is; another one than `at` where that has none; null: nothing to show. */
  picture: number | null;
  /** The picture exists and is still on its way; the one before it is seen. */
  isLoading: boolean;
}

export interface Settings {
  isPlaying: boolean;
  isWaiting: boolean;
  isLoop: boolean;
  direction: 1 | -1;
  speed: number;
  fps: number;
  stretch: Stretch;
}

interface EngineOptions<Picture extends Decoded> {
  size: number;
  catalogue: Catalogue;
  decode: Decode<Picture>;
  /** Whether a frame has been rendered. */
  hasPicture: (ordinal: number) => boolean;
  draw: (picture: Picture) => void;
  requestFrame?: (tick: (time: number) => void) => number;
  cancelFrame?: (handle: number) => void;
  fetchFile?: (url: string, signal?: AbortSignal) => Promise<Blob>;
}

export class PlayerEngine<Picture extends Decoded> {
  at = 0;
  settings: Settings;
  private readonly loader: PictureLoader<Picture>;
  private readonly cache = new PictureCache<number, Picture>(CACHE_BYTES);
  private readonly listeners = new Set<() => void>();
  private readonly frameListeners = new Set<(shown: Shown) => void>();
  private drawn: number | null = null;
  private rest = 0;
  private lastTick: number | null = null;
  private handle: number | null = null;

  constructor(private readonly options: EngineOptions<Picture>) {
    this.settings = {
      isPlaying: false,
      isWaiting: false,
      isLoop: true,
      direction: 1,
      speed: 1,
      fps: DEFAULT_FPS,
      stretch: this.whole,
    };
    this.loader = new PictureLoader({
      catalogue: options.catalogue,
      cache: this.cache,
      decode: options.decode,
      fetchFile: options.fetchFile,
      onLoaded: () => this.show(),
    });
  }

  get whole(): Stretch {
    return { first: 0, last: this.options.size - 1 };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): Settings => this.settings;

  /** Called at once with what is shown, and then with each change of it. */
  onFrame(listener: (shown: Shown) => void): () => void {
    this.frameListeners.add(listener);
    listener(this.shown());
    return () => this.frameListeners.delete(listener);
  }

  play(direction: 1 | -1 = 1): void {
    const { stretch, isLoop } = this.settings;
    const isAtEnd = direction > 0 ? this.at >= stretch.last : this.at <= stretch.first;
    if (isAtEnd && !isLoop) this.at = direction > 0 ? stretch.first : stretch.last;
    else this.at = clamp(this.at, stretch);
    this.rest = 0;
    this.lastTick = null;
    this.set({ isPlaying: true, direction });
    this.show();
    this.run();
  }

  pause(): void {
    this.set({ isPlaying: false, isWaiting: false });
    this.stop();
    this.show();
  }

  toggle(): void {
    if (this.settings.isPlaying) this.pause();
    else this.play(1);
  }

  /** J and L: the same key again plays faster. */
  shuttle(direction: 1 | -1): void {
    const { isPlaying, direction: before, speed } = this.settings;
    const faster = isPlaying && before === direction ? SPEEDS.find((each) => each > speed) : undefined;
    const isTurned = isPlaying && before !== direction;
    this.set({ speed: faster ?? (isTurned || !isPlaying ? 1 : speed) });
    this.play(direction);
  }

  seek(at: number): void {
    this.at = clamp(at, this.whole);
    this.rest = 0;
    this.show();
  }

  step(by: number): void {
    if (this.settings.isPlaying) this.pause();
    this.seek(this.at + by);
  }

  set(change: Partial<Settings>): void {
    this.settings = { ...this.settings, ...change };
    for (const listener of this.listeners) listener();
  }

  /** Play between these places; an end that was set past the other one takes it along. */
  setStretch({ first, last }: Partial<Stretch>): void {
    const { stretch } = this.settings;
    const next = { first: first ?? stretch.first, last: last ?? stretch.last };
    if (next.first > next.last) {
      if (first !== undefined) next.last = this.whole.last;
      else next.first = 0;
    }
    this.set({ stretch: next });
    this.show();
  }

  /** These frames have other pictures now, or none any more. */
  renew(ordinals: readonly number[]): void {
    this.options.catalogue.forget(ordinals);
    this.loader.renew(ordinals);
    if (this.drawn !== null && ordinals.includes(this.drawn)) this.drawn = null;
    this.show();
  }

  /** Files of these frames have come that were not there before. */
  filesCame(ordinals: readonly number[]): void {
    this.options.catalogue.forget(ordinals);
    this.loader.retry(ordinals);
    this.show();
  }

  /** Shows what is so now; something has changed that is no frame's own. */
  refresh(): void {
    this.show();
  }

  close(): void {
    this.stop();
    this.loader.close();
  }

  private get pace(): Pace {
    return this.settings;
  }

  private run(): void {
    if (this.handle !== null) return;
    const request = this.options.requestFrame ?? requestAnimationFrame;
    const tick = (time: number) => {
      this.handle = null;
      this.tick(time);
      if (this.settings.isPlaying) this.handle = request(tick);
    };
    this.handle = request(tick);
  }

  private stop(): void {
    if (this.handle !== null) (this.options.cancelFrame ?? cancelAnimationFrame)(this.handle);
    this.handle = null;
    this.lastTick = null;
  }

  private tick(time: number): void {
    const elapsed = this.lastTick === null ? 0 : time - this.lastTick;
    this.lastTick = time;
    const next = advance(this.at, this.rest + elapsed, this.pace, this.isReady);
    this.rest = next.rest;
    if (next.isWaiting !== this.settings.isWaiting) this.set({ isWaiting: next.isWaiting });
    if (next.hasEnded) this.set({ isPlaying: false, isWaiting: false });
    if (next.at !== this.at || next.hasEnded) {
      this.at = next.at;
      this.show();
    }
  }

  private readonly isReady = (ordinal: number): boolean =>
    !this.options.hasPicture(ordinal) || this.cache.has(ordinal) || !this.loader.isComing(ordinal);

  private shown(): Shown {
    const picture = shownAt(this.at, this.options.hasPicture);
    const isLoading = picture !== null && !this.cache.has(picture) && this.loader.isComing(picture);
    return { at: this.at, picture, isLoading };
  }

  private show(): void {
    this.loader.want(wanted(this.at, this.pace, AHEAD, this.options.hasPicture));
    const shown = this.shown();
    if (shown.picture !== null && shown.picture !== this.drawn) {
      const picture = this.cache.get(shown.picture);
      if (picture !== null) {
        this.options.draw(picture);
        this.drawn = shown.picture;
      }
    }
    for (const listener of this.frameListeners) listener(shown);
  }

  /** Draws the small picture again, after something else was drawn. */
  redraw(): void {
    this.drawn = null;
    this.show();
  }
}
