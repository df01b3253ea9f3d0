"use client";
// The buttons of the player.
import { ActionIcon, Group, SegmentedControl, Select, Tooltip } from "@mantine/core";
import {
  IconArrowAutofitContent,
  IconBracketsContainEnd,
  IconBracketsContainStart,
  IconChevronLeft,
  IconChevronRight,
  IconMaximize,
  IconMinimize,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
  IconRepeat,
  IconRepeatOff,
} from "@tabler/icons-react";
import { useSyncExternalStore, type ReactNode } from "react";
import { strings } from "@/strings/en";
import { SPEEDS } from "./player-engine";
import { KeysHelp } from "./keys-help";
import type { Engine } from "./use-engine";

const words = strings.player;
// In full screen a browser shows what is inside the player alone.
const INSIDE = { withinPortal: false };
const RATES = [12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60];

interface TransportProps {
  engine: Engine;
  sceneFps: number | null;
  isFit: boolean;
  onFit: (isFit: boolean) => void;
  isFullScreen: boolean;
  onFullScreen: () => void;
  children: ReactNode;
}

export function Transport({ engine, sceneFps, children, ...view }: TransportProps) {
  const { isPlaying, isLoop, speed, fps, stretch } = useSyncExternalStore(
    engine.subscribe,
    engine.snapshot,
    engine.snapshot,
  );
  const { first, last } = engine.whole;
  const isWhole = stretch.first === first && stretch.last === last;
  return (
    <Group justify="space-between" gap="xs">
      <Group gap={4} wrap="nowrap">
        <Button label={words.firstFrame} icon={IconPlayerSkipBack} onClick={() => engine.step(-Infinity)} />
        <Button label={words.previousFrame} icon={IconChevronLeft} onClick={() => engine.step(-1)} />
        <Button
          label={isPlaying ? words.pause : words.play}
          icon={isPlaying ? IconPlayerPauseFilled : IconPlayerPlayFilled}
          onClick={() => engine.toggle()}
          isMain
        />
        <Button label={words.nextFrame} icon={IconChevronRight} onClick={() => engine.step(1)} />
        <Button label={words.lastFrame} icon={IconPlayerSkipForward} onClick={() => engine.step(Infinity)} />
        <Button
          label={words.loop}
          icon={isLoop ? IconRepeat : IconRepeatOff}
          isPressed={isLoop}
          onClick={() => engine.set({ isLoop: !isLoop })}
        />
      </Group>
      {children}
      <Group gap={4}>
        <Button
          label={words.setIn}
          icon={IconBracketsContainStart}
          onClick={() => engine.setStretch({ first: engine.at })}
        />
        <Button
          label={words.setOut}
          icon={IconBracketsContainEnd}
          onClick={() => engine.setStretch({ last: engine.at })}
        />
        {!isWhole && (
          <Button
            label={words.clearRange}
            icon={IconArrowAutofitContent}
            onClick={() => engine.setStretch({ first, last })}
          />
        )}
        <Select
          aria-label={words.rate}
          size="xs"
          w={128}
          comboboxProps={INSIDE}
          allowDeselect={false}
          data={rates(sceneFps, fps)}
          value={String(fps)}
          onChange={(value) => value !== null && engine.set({ fps: Number(value) })}
        />
        <Select
          aria-label={words.speed}
          size="xs"
          w={80}
          comboboxProps={INSIDE}
          allowDeselect={false}
          data={SPEEDS.map((each) => ({ value: String(each), label: words.times(each) }))}
          value={String(speed)}
          onChange={(value) => value !== null && engine.set({ speed: Number(value) })}
        />
        <SegmentedControl
          aria-label={words.size}
          size="xs"
          data={[
            { value: "fit", label: words.fit },
            { value: "actual", label: words.actualSize },
          ]}
          value={view.isFit ? "fit" : "actual"}
          onChange={(value) => view.onFit(value === "fit")}
        />
        <Button
          label={view.isFullScreen ? words.leaveFullScreen : words.fullScreen}
          icon={view.isFullScreen ? IconMinimize : IconMaximize}
          onClick={view.onFullScreen}
        />
        <KeysHelp />
      </Group>
    </Group>
  );
}

function rates(scene: number | null, chosen: number): { value: string; label: string }[] {
  const all = new Set([...RATES, chosen, ...(scene === null ? [] : [scene])]);
  return [...all]
    .sort((one, other) => one - other)
    .map((fps) => {
      const shown = Math.round(fps * 1000) / 1000;
      return { value: String(fps), label: fps === scene ? words.sceneFps(shown) : words.fps(shown) };
    });
}

interface ButtonProps {
  label: string;
  icon: typeof IconRepeat;
  onClick: () => void;
  isMain?: boolean;
  isPressed?: boolean;
}

function Button({ label, icon: Icon, onClick, isMain = false, isPressed }: ButtonProps) {
  return (
    <Tooltip label={label} {...INSIDE}>
      <ActionIcon
        aria-label={label}
        aria-pressed={isPressed}
        onClick={onClick}
        size={isMain ? "lg" : "md"}
        variant={isMain ? "filled" : isPressed === true ? "light" : "subtle"}
        color={isMain || isPressed === true ? "iris" : "gray"}
      >
        <Icon size={isMain ? 20 : 16} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
