// Registers a model and follows its first opening; references that lead to another machine are led to files of the
// model itself, where it has them.
import { api, type Schemas } from "@/shared/api/client";
import { projectHeader } from "@/shared/api/project";
import { mendWithin, missingOf } from "./mending";
import { withRetries } from "./retrying";
import type { Line } from "./line";

export type Model = Schemas["ModelDetail"];
export type Manifest = Schemas["Manifest"];

type Caller = Pick<Line, "project" | "signal" | "pause">;

/** Each round goes one level deeper into libraries that link libraries. */
const MOST_ROUNDS = 32;
/** How long one request waits for the end of the probe: below the patience of proxies. */
const WAIT_S = 20;

/** The model after its first opening. `onModel` hears of it as soon as it has an address. */
export async function register(
  name: string,
  manifest: Manifest,
  line: Caller,
  onModel: (model: Model) => void,
): Promise<Model> {
  let asked = manifest;
  for (let round = 1; ; round += 1) {
    const model = await opened(await post(name, asked, line));
    if (model.state !== "incomplete" || round >= MOST_ROUNDS) return model;
    const paths = asked.files.map(({ path }) => path);
    const { remap } = mendWithin(missingOf(model.missing ?? []), paths);
    const more = [...remap].filter(([raw, path]) => asked.remap?.[raw] !== path);
    if (more.length === 0) return model;
    asked = { ...asked, remap: { ...asked.remap, ...Object.fromEntries(more) } };
  }

  /** Waits on the model's own address, which answers at the end: the page may follow another project by now. */
  async function opened(model: Model): Promise<Model> {
    let newest = model;
    onModel(newest);
    while (newest.state === "probing") {
      newest = await withRetries(async () => (await read(newest.id)).data as Model, line.signal, line.pause);
    }
    onModel(newest);
    return newest;
  }

  function read(id: string) {
    return api.GET("/v1/models/{model_id}", {
      params: { header: projectHeader(line.project), path: { model_id: id }, query: { wait: WAIT_S } },
      signal: line.signal,
    });
  }
}

async function post(name: string, manifest: Manifest, line: Caller): Promise<Model> {
  const params = { header: projectHeader(line.project) };
  return withRetries(
    async () => (await api.POST("/v1/models", { params, body: { name, manifest }, signal: line.signal })).data as Model,
    line.signal,
    line.pause,
  );
}
