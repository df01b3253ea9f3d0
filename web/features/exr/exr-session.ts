// One file that is looked at: its layers, the layer that is decoded, and what of it is drawn or read. Runs in a worker.
import { readHeaders, type ExrFile } from "./exr-header";
import { isDepth, layersOf, type ExrLayer } from "./exr-layers";
import { ExrProblem } from "./exr-problem";
import { readLayer, type LayerPixels } from "./exr-read";
import { rangeOf, shade, type ShadeSettings, type ValueRange } from "./exr-shade";

export interface LayerView {
  id: string;
  name: string;
  channels: string[];
  isDepth: boolean;
  compression: string;
  width: number;
  height: number;
}

export class ExrSession {
  private readonly file: ExrFile;
  private readonly found: ExrLayer[];
  private chosen: LayerPixels | null = null;

  constructor(bytes: Uint8Array) {
    this.file = readHeaders(bytes);
    this.found = layersOf(this.file);
    if (this.found.length === 0) throw new ExrProblem("noChannels");
  }

  get layers(): LayerView[] {
    return this.found.map((layer) => {
      const part = this.file.parts[layer.part]!;
      return {
        id: layer.id,
        name: layer.name,
        channels: layer.channels.map(({ label }) => label),
        isDepth: isDepth(layer),
        compression: part.compression,
        width: part.width,
        height: part.height,
      };
    });
  }

  /** Decodes a layer; the ranges of its channels' values. */
  async choose(id: string): Promise<ValueRange[]> {
    const layer = this.found.find((each) => each.id === id);
    if (layer === undefined) throw new ExrProblem("noChannels");
    this.chosen = null; // not two at once in memory
    this.chosen = await readLayer(this.file, layer);
    return this.chosen.planes.map(rangeOf);
  }

  shade(settings: ShadeSettings): { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number } | null {
    if (this.chosen === null) return null;
    return { data: shade(this.chosen, settings), width: this.chosen.width, height: this.chosen.height };
  }

  pixel(x: number, y: number): number[] {
    const { width, planes } = this.chosen ?? { width: 0, planes: [] };
    return planes.map((plane) => plane[y * width + x] ?? NaN);
  }
}
