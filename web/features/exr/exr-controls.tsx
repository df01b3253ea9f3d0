"use client";
import { Button, Group, RangeSlider, SegmentedControl, Select, Slider, Stack, Text } from "@mantine/core";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { LayerView } from "./exr-session";
import type { ExrView, ShadeSettings, ValueRange } from "./exr-shade";

const words = strings.player.exr;
const VIEWS: readonly ExrView[] = ["srgb", "gamma", "linear", "falseColour"];
const ALL = "all";
const STEPS = 200;

interface ExrControlsProps {
  layers: readonly LayerView[];
  layer: LayerView;
  onLayer: (id: string) => void;
  settings: ShadeSettings;
  /** Where the values of the layer lie. */
  range: ValueRange;
  onSettings: (change: Partial<ShadeSettings>) => void;
}

export function ExrControls({ layers, layer, onLayer, settings, range, onSettings }: ExrControlsProps) {
  const isFalse = settings.view === "falseColour";
  return (
    <Group gap="md" align="flex-end">
      <Select
        label={words.layer}
        size="xs"
        w={240}
        allowDeselect={false}
        searchable={layers.length > 8}
        data={layers.map(({ id, name, channels }) => ({
          value: id,
          label: `${name === "" ? words.mainLayer : name} (${channels.join("")})`,
        }))}
        value={layer.id}
        onChange={(id) => id !== null && onLayer(id)}
      />
      {layer.channels.length > 1 && (
        <Labelled words={words.channels}>
          <SegmentedControl
            aria-label={words.channels}
            size="xs"
            data={[
              { value: ALL, label: words.allChannels },
              ...layer.channels.map((label, index) => ({ value: String(index), label })),
            ]}
            value={settings.channel === null ? ALL : String(settings.channel)}
            onChange={(value) => onSettings({ channel: value === ALL ? null : Number(value) })}
          />
        </Labelled>
      )}
      <Labelled words={words.view}>
        <SegmentedControl
          aria-label={words.view}
          size="xs"
          data={VIEWS.map((view) => ({ value: view, label: words.views[view] }))}
          value={settings.view}
          onChange={(view) => onSettings({ view: view as ExrView })}
        />
      </Labelled>
      {isFalse ? (
        <FalseRange settings={settings} range={range} onSettings={onSettings} />
      ) : (
        <>
          <Labelled words={`${words.exposure} ${words.ev(settings.exposure)}`}>
            <Group gap="xs" wrap="nowrap">
              <Slider
                w={180}
                min={-10}
                max={10}
                step={0.25}
                label={null}
                thumbLabel={words.exposure}
                thumbValueText={words.ev}
                value={settings.exposure}
                onChange={(exposure) => onSettings({ exposure })}
              />
              <Button
                size="compact-xs"
                variant="default"
                disabled={settings.exposure === 0}
                onClick={() => onSettings({ exposure: 0 })}
              >
                {words.reset}
              </Button>
            </Group>
          </Labelled>
          {settings.view === "gamma" && (
            <Labelled words={`${words.gamma} ${settings.gamma}`}>
              <Slider
                w={120}
                min={0.5}
                max={4}
                step={0.1}
                label={null}
                thumbLabel={words.gamma}
                value={settings.gamma}
                onChange={(gamma) => onSettings({ gamma: Math.round(gamma * 10) / 10 })}
              />
            </Labelled>
          )}
        </>
      )}
    </Group>
  );
}

type FalseRangeProps = Pick<ExrControlsProps, "settings" | "range" | "onSettings">;

function FalseRange({ settings, range, onSettings }: FalseRangeProps) {
  const span = range.far - range.near || 1;
  const stepOf = (value: number) => Math.round(((value - range.near) / span) * STEPS);
  const valueOf = (step: number) => range.near + (step / STEPS) * span;
  const text = words.nearFar(formatNumber(settings.near, 3), formatNumber(settings.far, 3));
  return (
    <Labelled words={`${words.range}: ${text}`}>
      <RangeSlider
        w={240}
        min={0}
        max={STEPS}
        minRange={1}
        label={null}
        thumbFromLabel={words.range}
        thumbToLabel={words.range}
        value={[stepOf(settings.near), stepOf(settings.far)]}
        onChange={([near, far]) => onSettings({ near: valueOf(near), far: valueOf(far) })}
      />
    </Labelled>
  );
}

function Labelled({ words: text, children }: { words: string; children: React.ReactNode }) {
  return (
    <Stack gap={4}>
      <Text size="xs" fw={500}>
        {text}
      </Text>
      {children}
    </Stack>
  );
}
