"use client";
// The scene in three dimensions, where the browser can show it.
import { Alert } from "@mantine/core";
import dynamic from "next/dynamic";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { formatBytes } from "@/shared/format/format";
import { useProject } from "@/shared/api/project";
import { Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { probeOf } from "./probe";
import { MOST_VIEWED_BYTES } from "./viewable";

const SceneCanvas = dynamic(() => import("./scene-3d/scene-canvas"), { ssr: false, loading: Loading });

export function ModelView3d({ model }: { model: Schemas["ModelDetail"] }) {
  const project = useProject();
  const [hasWebGl] = useState(canDraw);
  const { main, files } = model.manifest;
  const size = files.find(({ path }) => path === main)?.size_bytes ?? 0;
  if (!hasWebGl) {
    return (
      <Alert color="orange" title={strings.models.noWebGl}>
        {strings.models.noWebGlWords}
      </Alert>
    );
  }
  if (size > MOST_VIEWED_BYTES) {
    return (
      <Alert color="orange" title={strings.models.tooLargeToView(formatBytes(size))}>
        {strings.models.tooLargeWords(formatBytes(MOST_VIEWED_BYTES))}
      </Alert>
    );
  }
  return (
    <SceneCanvas
      model={{ project, id: model.id }}
      kind={model.kind === "gltf" ? "gltf" : "splats"}
      main={main}
      files={new Map(files.map(({ path, size_bytes: bytes }) => [path, bytes]))}
      cameras={probeOf(model)?.cameras ?? []}
    />
  );
}

function canDraw(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}
