// From light to the 8 bits of a screen: exposure, the curve, one channel alone, or false colours for distances.
import type { LayerPixels } from "./exr-read";

export type ExrView = "srgb" | "gamma" | "linear" | "falseColour";

export interface ShadeSettings {
  view: ExrView;
  /** Stops: each doubles the light. */
  exposure: number;
  /** Of the view `gamma`. */
  gamma: number;
  /** One channel as grey; null: all as a colour. */
  channel: number | null;
  /** What false colours reach from and to. */
  near: number;
  far: number;
}

export interface ValueRange {
  near: number;
  far: number;
}

const STEPS = 1 << 14;

/** RGBA, opaque: light that was rendered with alpha lies over black. */
export function shade({ width, height, planes }: LayerPixels, settings: ShadeSettings): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(width * height * 4);
  const chosen = settings.channel === null ? null : (planes[settings.channel] ?? null);
  if (settings.view === "falseColour") falseColours(out, chosen ?? brightness(planes), settings);
  else light(out, chosen === null ? colourPlanes(planes) : [chosen, chosen, chosen], settings);
  return out;
}

function light(out: Uint8ClampedArray, planes: readonly (Float32Array | null)[], settings: ShadeSettings): void {
  const curve = curveOf(settings);
  const scale = 2 ** settings.exposure * STEPS;
  planes.forEach((plane, channel) => {
    if (plane === null) return;
    for (let pixel = 0; pixel < plane.length; pixel += 1) {
      const value = plane[pixel]! * scale;
      // Written so that what is no number is black.
      out[pixel * 4 + channel] = value > 0 ? curve[value < STEPS ? value | 0 : STEPS]! : 0;
    }
  });
  for (let at = 3; at < out.length; at += 4) out[at] = 255;
}

/** Three planes; null: a channel that the layer has not. */
function colourPlanes(planes: readonly Float32Array[]): (Float32Array | null)[] {
  const [first, second, third] = planes;
  if (second === undefined) return [first!, first!, first!];
  return [first!, second, third ?? null];
}

function curveOf({ view, gamma }: ShadeSettings): Uint8Array {
  const curve = new Uint8Array(STEPS + 1);
  for (let step = 0; step <= STEPS; step += 1) {
    const value = step / STEPS;
    const shown = view === "srgb" ? srgb(value) : view === "gamma" ? value ** (1 / gamma) : value;
    curve[step] = Math.round(shown * 255);
  }
  return curve;
}

/** IEC 61966-2-1. */
export function srgb(value: number): number {
  return value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;
}

function brightness(planes: readonly Float32Array[]): Float32Array {
  const [red, green, blue] = planes;
  if (red === undefined || green === undefined || blue === undefined) return red ?? new Float32Array(0);
  const grey = new Float32Array(red.length);
  for (let at = 0; at < grey.length; at += 1) {
    grey[at] = 0.2126 * red[at]! + 0.7152 * green[at]! + 0.0722 * blue[at]!;
  }
  return grey;
}

function falseColours(out: Uint8ClampedArray, plane: Float32Array, { near, far }: ShadeSettings): void {
  const colours = turbo();
  const scale = 255 / (far - near || 1);
  for (let pixel = 0; pixel < plane.length; pixel += 1) {
    const value = plane[pixel]!;
    const at = pixel * 4;
    out[at + 3] = 255;
    if (!(value < NOTHING)) continue; // nothing is there: black
    const step = Math.min(255, Math.max(0, Math.round((value - near) * scale))) * 3;
    out[at] = colours[step]!;
    out[at + 1] = colours[step + 1]!;
    out[at + 2] = colours[step + 2]!;
  }
}

/** Renderers write such a distance where there is nothing. */
const NOTHING = 1e9;

/** Where most of the values lie, without the outermost hundredths: what false colours begin with. */
export function rangeOf(plane: Float32Array): ValueRange {
  const stride = Math.max(1, Math.floor(plane.length / 50_000));
  const values: number[] = [];
  for (let at = 0; at < plane.length; at += stride) {
    const value = plane[at]!;
    if (Math.abs(value) < NOTHING) values.push(value);
  }
  if (values.length === 0) return { near: 0, far: 1 };
  values.sort((one, other) => one - other);
  const near = values[Math.floor(values.length * 0.01)]!;
  const far = values[Math.ceil(values.length * 0.99) - 1]!;
  return near < far ? { near, far } : { near: values[0]!, far: values.at(-1)! };
}

/** The map "Turbo", by its polynomials: near is blue, far is red. */
function turbo(): Uint8Array {
  const colours = new Uint8Array(256 * 3);
  for (let step = 0; step < 256; step += 1) {
    const x = step / 255;
    TURBO.forEach((terms, channel) => {
      const value = terms.reduceRight((sum, term) => sum * x + term, 0);
      colours[step * 3 + channel] = Math.round(255 * Math.min(1, Math.max(0, value)));
    });
  }
  return colours;
}

const TURBO = [
  [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
  [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
  [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
] as const;
