// Layers whose compression is unpacked by three's loader (PIZ, B44, DWA). It reads one picture of R, G, B and A, or Y,
// of one kind of number; so the blocks of the part are put behind a header in which the layer's channels have those
// names. What it would get wrong is refused: numbers of several kinds, and several layers in one DWA part.
import { FloatType } from "three";
import { EXRLoader } from "three/examples/jsm/loaders/EXRLoader.js";
import { COMPRESSIONS, type ExrFile, type ExrPart } from "./exr-header";
import type { ExrLayer } from "./exr-layers";
import { ExrProblem } from "./exr-problem";
import { chunksOf, type LayerPixels } from "./exr-read";

const SAMPLE_CODES = { uint: 0, half: 1, float: 2 } as const;

export function readByLibrary(file: ExrFile, part: ExrPart, layer: ExrLayer): LayerPixels {
  const types = new Set(part.channels.map(({ type }) => type));
  const isDwa = part.compression.startsWith("DWA");
  const isColour = layer.channels.length >= 3 && layer.channels[0]!.label.toUpperCase() === "R";
  const isWhole = part.channels.length === layer.channels.length;
  const isOfOneKind = types.size === 1 && !types.has("uint");
  // DWA tells colours from other channels by their names, so these cannot be given others.
  if (!isOfOneKind || part.tile !== null || (isDwa && !(isWhole && isColour))) {
    throw new ExrProblem("compression", part.compression);
  }
  const names = namesFor(part, layer);
  const picture = parse(rebuilt(file, part, names));
  const planes = layer.channels.map(() => new Float32Array(part.width * part.height));
  const stride = picture.data.length / (part.width * part.height);
  const slots = layer.channels.length < 3 ? [0, 1] : [0, 1, 2, 3];
  planes.forEach((plane, index) => {
    for (let y = 0; y < part.height; y += 1) {
      const from = (part.height - 1 - y) * part.width; // the library gives the last row first
      for (let x = 0; x < part.width; x += 1) {
        plane[y * part.width + x] = picture.data[(from + x) * stride + slots[index]!]!;
      }
    }
  });
  return { width: part.width, height: part.height, planes };
}

function parse(bytes: Uint8Array<ArrayBuffer>): { data: Float32Array } {
  try {
    return new EXRLoader().setDataType(FloatType).parse(bytes.buffer) as unknown as { data: Float32Array };
  } catch {
    throw new ExrProblem("block", 0);
  }
}

/** A name for each channel of the part: the layer's become the library's, the others something that it leaves out. */
function namesFor(part: ExrPart, { channels }: ExrLayer): string[] {
  if (channels.length === 2) throw new ExrProblem("compression", part.compression);
  const wanted = channels.length === 1 ? ["Y"] : ["R", "G", "B", "A"];
  return part.channels.map(({ name }, index) => {
    const place = channels.findIndex((channel) => channel.name === name);
    return place < 0 ? `left.out.${index}` : wanted[place]!;
  });
}

/** The part as a file of its own, with these names of channels. */
function rebuilt(file: ExrFile, part: ExrPart, names: readonly string[]): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  out.int(20000630).int(2);
  out.attribute("channels", "chlist", (value) => {
    names.forEach((name, index) => {
      value.text(name).int(SAMPLE_CODES[part.channels[index]!.type]).int(0).int(1).int(1);
    });
    value.byte(0);
  });
  const window = [0, 0, part.width - 1, part.height - 1];
  out.attribute("compression", "compression", (value) => value.byte(COMPRESSIONS.indexOf(part.compression)));
  out.attribute("dataWindow", "box2i", (value) => window.forEach((edge) => value.int(edge)));
  out.attribute("displayWindow", "box2i", (value) => window.forEach((edge) => value.int(edge)));
  out.attribute("lineOrder", "lineOrder", (value) => value.byte(0));
  out.byte(0);
  const chunks = [...chunksOf(file, part)].sort((one, other) => one.y - other.y);
  for (let block = 0; block < chunks.length; block += 1) out.int(0).int(0); // the library reads them one by one
  for (const { packed, y } of chunks) out.int(y).int(packed.length).raw(packed);
  return out.bytes();
}

class Writer {
  private readonly pieces: Uint8Array[] = [];

  byte(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  int(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    return this.raw(bytes);
  }

  text(value: string): this {
    return this.raw(new TextEncoder().encode(value)).byte(0);
  }

  raw(bytes: Uint8Array): this {
    this.pieces.push(bytes);
    return this;
  }

  attribute(name: string, type: string, write: (value: Writer) => void): void {
    const value = new Writer();
    write(value);
    const bytes = value.bytes();
    this.text(name).text(type).int(bytes.length).raw(bytes);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}
