"use client";
// An OpenEXR file in a worker of its own: fetched once, decoded by layer.
import { useEffect, useState } from "react";
import { fetchFile } from "@/shared/pictures/picture-file";
import { ExrClient } from "./exr-client";
import type { LayerView } from "./exr-session";
import type { ValueRange } from "./exr-shade";

export interface OpenExr {
  client: ExrClient;
  layers: LayerView[];
}

export type Opening = { state: "loading" } | { state: "broken"; error: unknown } | ({ state: "open" } & OpenExr);

/** `again`: reads the same link once more, as after a lost connection. */
export function useExr(url: string): { opening: Opening; again: () => void } {
  const [tries, setTries] = useState(1);
  const [told, setTold] = useState<{ url: string; tries: number; opening: Opening } | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const client = new ExrClient(new Worker(new URL("./exr.worker.ts", import.meta.url), { type: "module" }));
    const tell = (opening: Opening) => {
      if (!abort.signal.aborted) setTold({ url, tries, opening });
    };
    fetchFile(url, abort.signal)
      .then((file) => file.arrayBuffer())
      .then((bytes) => client.ask({ ask: "open", bytes }, [bytes]))
      .then((layers) => tell({ state: "open", client, layers }))
      .catch((error: unknown) => tell({ state: "broken", error }));
    return () => {
      abort.abort();
      client.close();
    };
  }, [url, tries]);
  return {
    opening: told?.url === url && told.tries === tries ? told.opening : { state: "loading" },
    again: () => setTries(tries + 1),
  };
}

export type Decoding =
  { state: "decoding" } | { state: "broken"; error: unknown } | { state: "ready"; layer: string; ranges: ValueRange[] };

export function useLayer(client: ExrClient, layer: string): Decoding {
  const [decoded, setDecoded] = useState<{ layer: string; result: Decoding } | null>(null);
  useEffect(() => {
    let isOver = false;
    client
      .ask({ ask: "choose", layer })
      .then((ranges): Decoding => ({ state: "ready", layer, ranges }))
      .catch((error: unknown): Decoding => ({ state: "broken", error }))
      .then((result) => {
        if (!isOver) setDecoded({ layer, result });
      });
    return () => {
      isOver = true;
    };
  }, [client, layer]);
  return decoded?.layer === layer ? decoded.result : { state: "decoding" };
}
