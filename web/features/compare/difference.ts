// How two pictures differ, in the 8 bits that are seen: as figures, and as a picture of |A - B|.

export interface Pixels {
  width: number;
  height: number;
  /** RGBA. */
  data: Uint8ClampedArray;
}

export interface Difference {
  /** Of one channel of one pixel, of 255. */
  max: number;
  /** Over all channels of all pixels. */
  mean: number;
  /** Decibels; Infinity: the pictures are the same. */
  psnr: number;
  /** Share of the pixels that differ at all. */
  differing: number;
}

const CHANNELS = 3;

/** null: their sizes differ, so no pixel belongs to another. */
export function differenceOf(a: Pixels, b: Pixels): Difference | null {
  if (a.width !== b.width || a.height !== b.height) return null;
  let max = 0;
  let sum = 0;
  let squares = 0;
  let differing = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    let largest = 0;
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const distance = Math.abs(a.data[at + channel]! - b.data[at + channel]!);
      sum += distance;
      squares += distance * distance;
      if (distance > largest) largest = distance;
    }
    if (largest > 0) differing += 1;
    if (largest > max) max = largest;
  }
  const pixels = a.width * a.height;
  const samples = pixels * CHANNELS;
  return {
    max,
    mean: sum / samples,
    psnr: squares === 0 ? Infinity : 10 * Math.log10((255 * 255) / (squares / samples)),
    differing: differing / pixels,
  };
}

/** |A - B| times the gain, opaque. Both have one size. */
export function differencePicture(a: Pixels, b: Pixels, gain: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(a.data.length);
  for (let at = 0; at < out.length; at += 4) {
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      out[at + channel] = Math.abs(a.data[at + channel]! - b.data[at + channel]!) * gain;
    }
    out[at + 3] = 255;
  }
  return out;
}
