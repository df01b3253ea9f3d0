// Puts a cloud of gaussians on a stage, with the camera files beside it to look through.
import { SparkRenderer, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import * as THREE from "three";
import { boundsOf } from "./bounds";
import { fileBytes, type ModelRef } from "./file-bytes";
import { cameraPathOf, type CameraPath } from "./poses";
import { nothingToSee, readScene } from "./scene-problem";
import { Stage } from "./stage";

const TYPES: Record<string, SplatFileType> = {
  ply: SplatFileType.PLY,
  splat: SplatFileType.SPLAT,
  spz: SplatFileType.SPZ,
  sog: SplatFileType.PCSOGSZIP,
};
const MOST_CAMERA_FILES = 20;
/** A path of ten thousand poses has less. */
const MOST_CAMERA_BYTES = 4 << 20;
const MOST_MEASURED = 50_000;

export interface Shown {
  stage: Stage;
  paths: CameraPath[];
}

export async function showSplats(
  host: HTMLElement,
  model: ModelRef,
  { main, cameras }: { main: string; cameras: readonly string[] },
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<Shown> {
  // Clouds have y down, so that up is away from it.
  const stage = new Stage(host, new THREE.Vector3(0, -1, 0));
  try {
    const bytes = await fileBytes(model, main, signal, { onProgress });
    const type = TYPES[main.slice(main.lastIndexOf(".") + 1).toLowerCase()];
    stage.scene.add(new SparkRenderer({ renderer: stage.renderer, onDirty: stage.invalidate }));
    const cloud = new SplatMesh({ fileBytes: bytes, fileType: type, fileName: main });
    // Files of this kind alone have y up: they are turned as the farm turns them.
    if (type === SplatFileType.SPZ) cloud.quaternion.set(1, 0, 0, 0);
    await readScene(() => cloud.initialized);
    signal.throwIfAborted();
    const bounds = boundsOf(centersOf(cloud));
    if (bounds === null) throw nothingToSee();
    stage.scene.add(cloud);
    stage.showAll(bounds);
    const paths = await Promise.all(cameras.slice(0, MOST_CAMERA_FILES).map((path) => pathOf(model, path, signal)));
    return { stage, paths: paths.filter((path) => path !== null) };
  } catch (error) {
    stage.dispose();
    throw error;
  }
}

async function pathOf(model: ModelRef, path: string, signal: AbortSignal): Promise<CameraPath | null> {
  try {
    const bytes = await fileBytes(model, path, signal, { mostBytes: MOST_CAMERA_BYTES });
    return cameraPathOf(path, JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    signal.throwIfAborted();
    return null; // the cloud is shown all the same
  }
}

function centersOf(cloud: SplatMesh): THREE.Vector3[] {
  const centers: THREE.Vector3[] = [];
  const every = Math.max(1, Math.ceil((cloud.splats?.getNumSplats() ?? 0) / MOST_MEASURED));
  cloud.updateMatrixWorld();
  cloud.splats?.forEachSplat((index, center) => {
    if (index % every === 0) centers.push(center.clone().applyMatrix4(cloud.matrixWorld));
  });
  return centers;
}
