"use client";
// The viewer itself, loaded only where somebody looks: its libraries are as large as the rest of the app.
import { Button, Group, Progress, Select, Slider, Stack, Text } from "@mantine/core";
import { IconArrowsMaximize, IconFlipVertical, IconFocusCentered } from "@tabler/icons-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import type { ModelRef } from "./file-bytes";
import type { CameraPath } from "./poses";
import type { Shown } from "./show-splats";

export interface SceneCanvasProps {
  model: ModelRef;
  kind: "splats" | "gltf";
  main: string;
  /** Bytes of each path. */
  files: ReadonlyMap<string, number>;
  cameras: readonly string[];
}

const STEP_DEGREES = 10;

export default function SceneCanvas(props: SceneCanvasProps) {
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [done, setDone] = useState(0);
  const [shown, setShown] = useState<Shown | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const { project, id } = props.model;
  const { kind, main } = props;
  const newest = useRef(props);
  useEffect(() => {
    newest.current = props;
  });

  useEffect(() => {
    if (host.current === null) return;
    const abort = new AbortController();
    let stage: Shown["stage"] | null = null;
    const { files, cameras } = newest.current;
    showIn(host.current, { model: { project, id }, kind, main, files, cameras }, abort.signal, setDone).then(
      (result) => {
        if (abort.signal.aborted) result.stage.dispose();
        else {
          stage = result.stage;
          setShown(result);
        }
      },
      (failure: unknown) => {
        if (!abort.signal.aborted) setError(failure);
      },
    );
    return () => {
      abort.abort();
      stage?.dispose();
      setShown(null);
    };
  }, [project, id, kind, main, tries]);

  function again() {
    setError(null);
    setDone(0);
    setTries(tries + 1);
  }

  if (error !== null) return <ProblemBox error={error} onRetry={again} />;
  return (
    <Stack gap="sm" ref={frame} bg="var(--mantine-color-body)">
      <div
        ref={host}
        role="application"
        aria-label={strings.models.viewOf(main)}
        tabIndex={0}
        onKeyDown={(pressed) => shown !== null && turnByKey(shown, pressed)}
        style={{
          position: "relative",
          height: "min(70vh, 640px)",
          minHeight: 320,
          flex: 1,
          borderRadius: "var(--mantine-radius-md)",
          overflow: "hidden",
          background: "light-dark(#dfe3e8, #16181b)",
          touchAction: "none",
        }}
      >
        {shown === null && (
          <Stack align="center" justify="center" pos="absolute" inset={0} gap="xs" role="status">
            <Text size="sm">{done < 1 ? strings.models.loadingScene : strings.models.openingScene}</Text>
            <Progress value={done * 100} w={220} aria-label={strings.models.loadingScene} />
          </Stack>
        )}
      </div>
      {shown !== null && (
        <Group gap="sm" align="end">
          <Cameras shown={shown} />
          <Button
            variant="default"
            leftSection={<IconFocusCentered size={16} aria-hidden />}
            onClick={() => shown.stage.showAll()}
          >
            {strings.models.showWhole}
          </Button>
          <Button
            variant="default"
            leftSection={<IconFlipVertical size={16} aria-hidden />}
            onClick={() => shown.stage.turnOver()}
          >
            {strings.models.turnOver}
          </Button>
          <Button
            variant="default"
            leftSection={<IconArrowsMaximize size={16} aria-hidden />}
            onClick={() => void frame.current?.requestFullscreen()}
          >
            {strings.models.fullScreen}
          </Button>
        </Group>
      )}
      <Text size="xs" c="dimmed">
        {strings.models.viewHint}
      </Text>
    </Stack>
  );
}

async function showIn(
  host: HTMLElement,
  { model, kind, main, files, cameras }: SceneCanvasProps,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<Shown> {
  if (kind === "gltf") {
    const { showGltf } = await import("./show-gltf");
    return showGltf(host, model, { main, files }, signal, onProgress);
  }
  const { showSplats } = await import("./show-splats");
  return showSplats(host, model, { main, cameras }, signal, onProgress);
}

function turnByKey({ stage }: Shown, pressed: KeyboardEvent): void {
  const turns: Record<string, [degrees: number, nearer: number]> = {
    ArrowLeft: [-STEP_DEGREES, 1],
    ArrowRight: [STEP_DEGREES, 1],
    "+": [0, 0.9],
    "=": [0, 0.9],
    "-": [0, 1.1],
  };
  const turn = turns[pressed.key];
  if (turn === undefined) return;
  pressed.preventDefault();
  stage.turn(...turn);
}

/** The cameras of the scene; a path of them has a slider. */
function Cameras({ shown: { stage, paths } }: { shown: Shown }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [step, setStep] = useState(0);
  if (paths.length === 0) return null;
  const path = chosen === null ? null : (paths[Number(chosen)] ?? null);

  function look(of: CameraPath, at: number) {
    const pose = of.poses[at];
    if (pose !== undefined) stage.lookThrough(pose);
    setStep(at);
  }
  return (
    <>
      <Select
        label={strings.models.camera}
        placeholder={strings.models.freeCamera}
        data={paths.map(({ name }, index) => ({ value: String(index), label: name }))}
        value={chosen}
        onChange={(value) => {
          setChosen(value);
          const next = value === null ? undefined : paths[Number(value)];
          if (next !== undefined) look(next, 0);
        }}
        clearable
        comboboxProps={{ withinPortal: false }}
      />
      {path !== null && path.poses.length > 1 && (
        <Slider
          w={220}
          mb={10}
          min={0}
          max={path.poses.length - 1}
          value={step}
          onChange={(at) => look(path, at)}
          label={(at) => strings.models.cameraNumber(at + 1)}
          thumbLabel={strings.models.alongPath}
          thumbValueText={(at) => strings.models.cameraNumber(at + 1)}
        />
      )}
    </>
  );
}
