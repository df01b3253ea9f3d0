"use client";
// The player of frames: picture, timeline, buttons and keys.
import { Group, NumberInput, Text } from "@mantine/core";
import { useFullscreenElement } from "@mantine/hooks";
import { useCallback, useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { FrameRange } from "@/features/job/frame-range";
import type { FrameStates } from "@/features/job/frame-states";
import type { Schemas } from "@/shared/api/client";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { actionOf, isTaken, type KeyAction } from "./keys";
import { Legend } from "./legend";
import classes from "./player.module.css";
import type { Shown } from "./player-engine";
import { Timeline } from "./timeline";
import { Transport } from "./transport";
import { useEngine, type Engine } from "./use-engine";
import { useFullPicture } from "./use-full-picture";
import { useSceneFps } from "./use-scene-fps";

const words = strings.player;
/** The address follows the playhead when it has stood for so long. */
const ADDRESS_AFTER_MS = 400;

interface FramesPlayerProps {
  job: Schemas["JobDetail"];
  range: FrameRange;
  states: FrameStates;
}

export function FramesPlayer({ job, range, states }: FramesPlayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const note = useRef<HTMLDivElement>(null);
  const word = useRef<HTMLSpanElement>(null);
  const parts = useEngine(job.id, states, canvas);
  const engine = parts?.engine ?? null;
  const sceneFps = useSceneFps(job);
  const [isFit, setFit] = useState(true);
  const [shownFrame, setShownFrame] = useState<number | "">("");
  const { ref, toggle, fullscreen } = useFullscreenElement<HTMLDivElement>();

  useFullPicture(parts, canvas);
  useStandingPlace(engine, range, setShownFrame);

  useEffect(() => {
    if (engine !== null && sceneFps !== null) engine.set({ fps: sceneFps });
  }, [engine, sceneFps]);

  const wordOf = useCallback((ordinal: number) => words.states[states.stateAt(ordinal) ?? "unknown"], [states]);

  useEffect(
    () =>
      engine?.onFrame((shown) => {
        const frame = range.frameAt(shown.at);
        if (word.current !== null) word.current.textContent = `${words.frame(frame)} · ${wordOf(shown.at)}`;
        if (note.current !== null) note.current.textContent = noteOf(shown, range);
        if (canvas.current !== null) {
          canvas.current.style.visibility = shown.picture === null ? "hidden" : "visible";
          canvas.current.setAttribute(
            "aria-label",
            words.picture(shown.picture === null ? frame : range.frameAt(shown.picture)),
          );
        }
      }),
    [engine, range, wordOf],
  );

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const action = actionOf(event);
    if (engine === null || action === null || isTaken(event.target, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (action.do === "fullScreen") void toggle();
    else act(engine, action);
  }

  return (
    <div
      ref={ref}
      role="region"
      aria-label={words.region}
      tabIndex={-1}
      className={classes.player}
      onKeyDown={onKeyDown}
    >
      <div className={classes.stage} tabIndex={isFit ? undefined : 0}>
        <canvas
          ref={canvas}
          role="img"
          className={isFit ? classes.fit : classes.picture}
          onClick={() => engine?.toggle()}
        />
        <div ref={note} className={classes.note} />
      </div>
      {engine !== null && (
        <>
          <Timeline engine={engine} states={states} range={range} wordOf={wordOf} />
          <Transport
            engine={engine}
            sceneFps={sceneFps}
            isFit={isFit}
            onFit={setFit}
            isFullScreen={fullscreen}
            onFullScreen={() => void toggle()}
          >
            <Group gap="xs" wrap="nowrap">
              <NumberInput
                aria-label={words.frameField}
                size="xs"
                w={84}
                hideControls
                allowDecimal={false}
                value={shownFrame}
                onChange={(value) => setShownFrame(typeof value === "number" ? value : "")}
                onBlur={() => setShownFrame(range.frameAt(engine.at))}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || shownFrame === "") return;
                  const place = range.ordinalOf(shownFrame);
                  if (place !== null) engine.seek(place);
                }}
              />
              <Text size="sm" className={classes.readout} component="span">
                <span ref={word} />
              </Text>
            </Group>
          </Transport>
          <Legend states={states} />
        </>
      )}
    </div>
  );
}

export function noteOf({ at, picture, isLoading }: Shown, range: FrameRange): string {
  if (picture === null) return words.nothingYet;
  if (picture !== at) return words.held(range.frameAt(picture));
  return isLoading ? words.loadingPicture : "";
}

type EngineAction = Exclude<KeyAction, { do: "fullScreen" }>;

function act(engine: Engine, action: EngineAction): void {
  switch (action.do) {
    case "toggle":
      return engine.toggle();
    case "pause":
      return engine.pause();
    case "shuttle":
      return engine.shuttle(action.direction);
    case "step":
      return engine.step(action.by);
    case "first":
      return engine.step(-Infinity);
    case "last":
      return engine.step(Infinity);
    case "in":
      return engine.setStretch({ first: engine.at });
    case "out":
      return engine.setStretch({ last: engine.at });
  }
}

/** Begins where the address says (`?at=`), and writes there where the playhead stands. */
function useStandingPlace(engine: Engine | null, range: FrameRange, onStanding: (frame: number) => void): void {
  const address = useAddress();
  const newest = useRef(address);
  useEffect(() => {
    newest.current = address;
  });

  useEffect(() => {
    if (engine === null) return;
    const asked = Number(newest.current.get("at") ?? NaN);
    const place = Number.isInteger(asked) ? range.ordinalOf(asked) : null;
    const first = place ?? 0;
    engine.seek(first);
    let written = first;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const forget = engine.onFrame(({ at }) => {
      clearTimeout(timer);
      if (engine.settings.isPlaying) return;
      onStanding(range.frameAt(at));
      if (at === written) return;
      timer = setTimeout(() => {
        written = at;
        newest.current.set({ at: String(range.frameAt(at)) });
      }, ADDRESS_AFTER_MS);
    });
    return () => {
      forget();
      clearTimeout(timer);
    };
  }, [engine, range, onStanding]);
}
