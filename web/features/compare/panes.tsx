"use client";
// The four ways to look at two pictures. Both lie in one view, so they zoom and move together.
import { Button, Group, Slider, Switch, Text } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { useMemo, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from "react";
import { PicturePane } from "@/shared/pictures/picture-pane";
import { styleOf, type ViewControl } from "@/shared/pictures/use-view";
import { strings } from "@/strings/en";
import classes from "./compare.module.css";
import { differencePicture, type Pixels } from "./difference";
import { PixelsCanvas } from "./pixels-canvas";

const words = strings.player.compare;

export interface Side {
  pixels: Pixels;
  /** `A: armillary v2`; null: the picture is not yet the one that was chosen. */
  label: string | null;
}

interface PairProps {
  a: Side;
  b: Side;
  control: ViewControl;
}

const labelOf = ({ label }: Side) => label ?? words.loading;

/** B lies over A in A's place, whatever its own size is. */
function styleFor(a: Side, control: ViewControl): CSSProperties {
  return { ...styleOf(control.view), width: a.pixels.width, height: a.pixels.height };
}

export function Wipe({ a, b, control }: PairProps) {
  const [share, setShare] = useState(50);
  const set = (value: number) => setShare(Math.min(100, Math.max(0, value)));

  function drag(event: PointerEvent<HTMLDivElement>) {
    event.stopPropagation();
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement!.getBoundingClientRect();
    set(((event.clientX - box.left) / box.width) * 100);
  }

  function onKey(event: KeyboardEvent) {
    const step = event.shiftKey ? 10 : 1;
    const steps: Record<string, number> = { ArrowLeft: share - step, ArrowRight: share + step, Home: 0, End: 100 };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(next);
  }

  return (
    <PicturePane control={control} label={words.panHint} className={classes.pane}>
      <PixelsCanvas pixels={b.pixels} label={labelOf(b)} style={styleFor(a, control)} />
      <div className={classes.side} style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}>
        <PixelsCanvas pixels={a.pixels} label={labelOf(a)} style={styleFor(a, control)} />
      </div>
      <Tag side={a} style={{ left: 8 }} />
      <Tag side={b} style={{ right: 8 }} />
      <div
        role="slider"
        tabIndex={0}
        aria-label={words.divider}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share)}
        aria-valuetext={words.dividerValue(Math.round(share))}
        className={classes.divider}
        style={{ left: `${share}%` }}
        onPointerDown={(event) => {
          event.stopPropagation();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={drag}
        onKeyDown={onKey}
      />
    </PicturePane>
  );
}

export function SideBySide({ a, b, control }: PairProps) {
  return (
    <div className={classes.panes}>
      {[a, b].map((side, place) => (
        <PicturePane
          key={place}
          control={control}
          isMeasured={side === a}
          label={`${labelOf(side)}. ${words.panHint}`}
          className={classes.pane}
        >
          <PixelsCanvas pixels={side.pixels} label={labelOf(side)} style={styleFor(a, control)} />
          <Tag side={side} style={{ left: 8 }} />
        </PicturePane>
      ))}
    </div>
  );
}

const BLINK_MS = 700;

export function Blink({ a, b, control }: PairProps) {
  const [isB, setB] = useState(false);
  const timer = useInterval(() => setB((before) => !before), BLINK_MS);
  const side = isB ? b : a;
  return (
    <>
      <PicturePane control={control} label={words.panHint} className={classes.pane}>
        <PixelsCanvas pixels={side.pixels} label={labelOf(side)} style={styleFor(a, control)} />
        <Tag side={side} style={{ left: 8 }} />
      </PicturePane>
      <Group gap="md">
        <Button size="xs" variant="default" onClick={() => setB(!isB)}>
          {words.blinkNow}
        </Button>
        <Switch label={words.blinkAlone} checked={timer.active} onChange={timer.toggle} />
        <Text size="sm" c="dimmed">
          {isB ? words.showB : words.showA}
        </Text>
      </Group>
    </>
  );
}

const GAINS = [1, 2, 4, 8, 16, 32, 64];

export function DifferenceView({ a, b, control }: PairProps) {
  const [place, setPlace] = useState(3);
  const gain = GAINS[place] ?? 1;
  const pixels = useMemo<Pixels>(
    () => ({ ...a.pixels, data: differencePicture(a.pixels, b.pixels, gain) }),
    [a.pixels, b.pixels, gain],
  );
  return (
    <>
      <PicturePane control={control} label={words.panHint} className={classes.pane}>
        <PixelsCanvas pixels={pixels} label={words.modes.difference} style={styleFor(a, control)} />
      </PicturePane>
      <Group gap="md" wrap="nowrap">
        <Text size="sm">{words.gain}</Text>
        <Slider
          w={200}
          min={0}
          max={GAINS.length - 1}
          label={null}
          value={place}
          onChange={setPlace}
          thumbLabel={words.gain}
          thumbValueText={words.gainValue(gain)}
        />
        <Text size="sm">{words.gainValue(gain)}</Text>
      </Group>
    </>
  );
}

function Tag({ side, style }: { side: Side; style: CSSProperties }) {
  if (side.label === null) return null;
  return (
    <div className={classes.tag} style={style}>
      {side.label}
    </div>
  );
}
