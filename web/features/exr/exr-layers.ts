// What can be looked at in a file: channels that belong together, by their names. `ViewLayer.Normal.X` is channel X of
// layer `ViewLayer.Normal`; channels without a dot are the picture itself.
import type { ExrFile } from "./exr-header";

export interface ExrLayer {
  /** Unlike any other of the file. */
  id: string;
  /** Empty: the picture itself. */
  name: string;
  part: number;
  /** In the order of view: R G B A, X Y Z, or as they are in the file. */
  channels: { label: string; name: string }[];
}

/** Sets that make a picture together, the first that is whole wins. */
const SETS = ["RGB", "rgb", "XYZ", "xyz", "UV"] as const;

export function layersOf({ parts }: ExrFile): ExrLayer[] {
  const layers: ExrLayer[] = [];
  parts.forEach((part, index) => {
    const groups = new Map<string, { label: string; name: string }[]>();
    for (const { name } of part.channels) {
      const full = isIn(part.name, name) || parts.length === 1 ? name : `${part.name}.${name}`;
      const dot = full.lastIndexOf(".");
      const group = groups.get(full.slice(0, Math.max(0, dot))) ?? [];
      groups.set(full.slice(0, Math.max(0, dot)), group);
      group.push({ label: full.slice(dot + 1), name });
    }
    for (const [name, channels] of groups) {
      for (const chosen of setsOf(channels)) {
        const isOwn = chosen.length === 1 && channels.length > 1;
        const title = isOwn ? [name, chosen[0]!.label].filter(Boolean).join(".") : name;
        layers.push({ id: `${index}/${title}/${chosen[0]!.name}`, name: title, part: index, channels: chosen });
      }
    }
  });
  return layers.sort((one, other) => rank(one) - rank(other)); // stable: else the order of the file
}

function isIn(part: string, channel: string): boolean {
  return part === "" || channel.startsWith(`${part}.`);
}

function setsOf<Channel extends { label: string }>(channels: readonly Channel[]): Channel[][] {
  let rest = [...channels];
  const sets: Channel[][] = [];
  for (const set of SETS) {
    const members = [...set].map((label) => rest.find((channel) => channel.label === label));
    if (members.some((member) => member === undefined)) continue;
    const found = members as Channel[];
    const fourth = rest.find(({ label }) => (/^rgb$/i.test(set) ? /^a$/i : /^w$/i).test(label) && set !== "UV");
    if (fourth !== undefined) found.push(fourth);
    sets.push(found);
    rest = rest.filter((channel) => !found.includes(channel));
  }
  return [...sets, ...rest.map((channel) => [channel])];
}

/** The picture itself first, then what Blender calls so. */
function rank({ name, channels }: ExrLayer): number {
  if (name === "" && channels.length >= 3) return 0;
  if (/(^|\.)combined$/i.test(name)) return 1;
  return name === "" || channels.length >= 3 ? 2 : 3;
}

/** Whether its numbers are a distance: shown in false colours at first. */
export function isDepth({ name, channels }: ExrLayer): boolean {
  return channels.length === 1 && (/(^|\.)(z|depth|mist)(\.|$)/i.test(name) || /^[zv]$/i.test(channels[0]!.label));
}
