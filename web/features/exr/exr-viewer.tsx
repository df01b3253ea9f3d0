"use client";
// Looks into an OpenEXR file: layers, channels, exposure, false colours, and the numbers of a pixel.
import { Alert, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { hasLinkEnded } from "@/shared/pictures/picture-file";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { ExrControls } from "./exr-controls";
import { ExrPicture } from "./exr-picture";
import { ExrProblem } from "./exr-problem";
import type { ShadeSettings, ValueRange } from "./exr-shade";
import type { LayerView } from "./exr-session";
import { useExr, useLayer, type OpenExr } from "./use-exr";

const words = strings.player.exr;

interface ExrViewerProps {
  url: string;
  name: string;
  /** Somebody wants to try again by another link. */
  onLinkEnded: () => void;
}

export function ExrViewer({ url, name, onLinkEnded }: ExrViewerProps) {
  const { opening, again } = useExr(url);
  if (opening.state === "loading") return <Reading words={words.loading(name)} />;
  if (opening.state === "broken") {
    return <Broken error={opening.error} onRetry={hasLinkEnded(opening.error) ? onLinkEnded : again} />;
  }
  return <Viewer key={url} name={name} client={opening.client} layers={opening.layers} />;
}

const PLAIN = { exposure: 0, gamma: 2.2, channel: null };

function Viewer({ name, client, layers }: OpenExr & { name: string }) {
  const [id, setId] = useState(layers[0]!.id);
  const [settings, setSettings] = useState<Partial<ShadeSettings>>({});
  const layer = layers.find((each) => each.id === id) ?? layers[0]!;
  const decoding = useLayer(client, layer.id);
  const range = decoding.state === "ready" ? rangeOf(decoding.ranges, settings.channel ?? null) : { near: 0, far: 1 };
  const shading: ShadeSettings = { ...PLAIN, view: layer.isDepth ? "falseColour" : "srgb", ...range, ...settings };
  return (
    <Stack gap="sm" role="region" aria-label={words.region}>
      <ExrControls
        layers={layers}
        layer={layer}
        onLayer={(next) => {
          setId(next);
          // What was set for one layer's numbers says nothing about another's.
          setSettings(({ exposure, gamma }) => ({ exposure, gamma }));
        }}
        settings={shading}
        range={range}
        onSettings={(change) => setSettings((before) => ({ ...before, ...change }))}
      />
      {decoding.state === "broken" && <Broken error={decoding.error} />}
      {decoding.state === "decoding" && <Reading words={words.decoding} />}
      {decoding.state === "ready" && (
        <ExrPicture
          key={layer.id}
          client={client}
          layer={layer}
          label={words.picture(name, titleOf(layer))}
          settings={shading}
        />
      )}
      <Text size="xs" c="dimmed">
        {words.facts(layer.width, layer.height, layer.compression)}
      </Text>
    </Stack>
  );
}

/** Of the channel that is looked at, or of all of them. */
function rangeOf(ranges: readonly ValueRange[], channel: number | null): ValueRange {
  const chosen = channel === null ? ranges.slice(0, 3) : ranges.slice(channel, channel + 1);
  return { near: Math.min(...chosen.map(({ near }) => near)), far: Math.max(...chosen.map(({ far }) => far)) };
}

export function titleOf({ name }: LayerView): string {
  return name === "" ? words.mainLayer : name;
}

function Reading({ words: text }: { words: string }) {
  return (
    <Group justify="center" gap="xs">
      <Loading />
      <Text size="sm" c="dimmed">
        {text}
      </Text>
    </Group>
  );
}

export function Broken({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!(error instanceof ExrProblem)) return <ProblemBox error={error} onRetry={onRetry} />;
  return (
    <Alert color="red" role="alert" icon={<IconAlertTriangle aria-hidden />} title={words.broken}>
      {wordsOf(error)}
    </Alert>
  );
}

function wordsOf({ kind, detail }: ExrProblem): string {
  switch (kind) {
    case "compression":
      return words.problems.compression(String(detail));
    case "large":
    case "block":
      return words.problems[kind](Number(detail));
    default:
      return words.problems[kind];
  }
}
