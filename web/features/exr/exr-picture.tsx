"use client";
// The layer as it is drawn, and the numbers of the pixel that is pointed at.
import { Group, Text } from "@mantine/core";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { PicturePane } from "@/shared/pictures/picture-pane";
import { ARROWS, styleOf, useView } from "@/shared/pictures/use-view";
import { pixelAt, type Point } from "@/shared/pictures/view";
import { ZoomButtons } from "@/shared/pictures/zoom-buttons";
import { strings } from "@/strings/en";
import { newestOnly, type ExrClient } from "./exr-client";
import classes from "./exr.module.css";
import type { LayerView } from "./exr-session";
import type { ShadeSettings } from "./exr-shade";

const words = strings.player.exr;

interface ExrPictureProps {
  client: ExrClient;
  layer: LayerView;
  label: string;
  settings: ShadeSettings;
}

export function ExrPicture({ client, layer, label, settings }: ExrPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const control = useView(layer);
  const [pixel, setPixel] = useState<Point | null>(null);
  const values = usePixel(client, pixel);

  const drawing = useRef<((settings: ShadeSettings) => void) | null>(null);
  const key = JSON.stringify(settings);
  useEffect(() => {
    drawing.current ??= newestOnly(async (next: ShadeSettings) => {
      const picture = await client.ask({ ask: "shade", settings: next }).catch(() => null);
      if (picture === null) return;
      canvas.current?.getContext("2d")?.drawImage(picture, 0, 0);
      picture.close();
    });
    drawing.current(JSON.parse(key) as ShadeSettings);
  }, [client, key]);

  function onKeyDown(event: KeyboardEvent) {
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    const from = pixel ?? { x: Math.floor(layer.width / 2), y: Math.floor(layer.height / 2) };
    setPixel({
      x: Math.min(layer.width - 1, Math.max(0, from.x + arrow[0])),
      y: Math.min(layer.height - 1, Math.max(0, from.y + arrow[1])),
    });
  }

  const { view } = control;
  return (
    <>
      <PicturePane
        control={control}
        label={`${label}. ${words.pixelHint} ${strings.player.compare.panHint}`}
        className={classes.pane}
        onPoint={(at) => at !== null && setPixel(pixelAt(view, at, layer))}
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={label}
          width={layer.width}
          height={layer.height}
          style={styleOf(view)}
        />
        {pixel !== null && (
          <div
            className={classes.pixel}
            style={{
              left: view.x + pixel.x * view.scale,
              top: view.y + pixel.y * view.scale,
              width: Math.max(3, view.scale),
              height: Math.max(3, view.scale),
            }}
          />
        )}
      </PicturePane>
      <Group justify="space-between" gap="sm">
        <Text size="sm" className={classes.values} aria-live="polite" aria-label={words.pixelValues}>
          {pixel === null ? words.pixelHint : `${words.pixel(pixel.x, pixel.y)}  `}
          {pixel !== null &&
            values !== null &&
            layer.channels.map((name, at) => `${name} ${figure(values[at])}`).join("  ")}
        </Text>
        <ZoomButtons control={control} />
      </Group>
    </>
  );
}

function usePixel(client: ExrClient, pixel: Point | null): number[] | null {
  const [values, setValues] = useState<number[] | null>(null);
  const read = useMemo(
    () =>
      newestOnly(async ({ x, y }: Point) => {
        setValues(await client.ask({ ask: "pixel", x, y }).catch(() => null));
      }),
    [client],
  );
  useEffect(() => {
    if (pixel !== null) read(pixel);
  }, [read, pixel]);
  return values;
}

function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return String(value ?? "");
  return Math.abs(value) >= 1e6 ? value.toExponential(3) : value.toFixed(4);
}
