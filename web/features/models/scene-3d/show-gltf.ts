// Puts a glTF on a stage, with its own cameras to look through.
import * as THREE from "three";
import { GLTFLoader, type GLTF } from "three/addons/loaders/GLTFLoader.js";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { fileBytes, type ModelRef } from "./file-bytes";
import { documentOf, filesOfGltf, toLoad, unknownPacking } from "./gltf-files";
import type { CameraPath } from "./poses";
import { nothingToSee, readScene } from "./scene-problem";
import type { Shown } from "./show-splats";
import { Stage } from "./stage";

export async function showGltf(
  host: HTMLElement,
  model: ModelRef,
  { main, files }: { main: string; files: ReadonlyMap<string, number> },
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<Shown> {
  const stage = new Stage(host, new THREE.Vector3(0, 1, 0));
  const links: string[] = [];
  try {
    const bytes = await fileBytes(model, main, signal, { onProgress });
    const document = await readScene(() => documentOf(bytes));
    const packing = unknownPacking(document);
    if (packing !== null) throw new Problem(0, { code: "unknown-packing", ...strings.models.unknownPacking(packing) });
    const linkOfPath = new Map<string, string>();
    const named = filesOfGltf(document, main);
    for (const path of toLoad(named.values(), { main, files })) {
      const link = URL.createObjectURL(new Blob([await fileBytes(model, path, signal)]));
      links.push(link);
      linkOfPath.set(path, link);
    }
    const urls = new Map<string, string>();
    for (const [uri, path] of named) {
      const link = linkOfPath.get(path);
      if (link !== undefined) urls.set(uri, link);
    }
    const gltf = await readScene(() => parsed(bytes, urls));
    signal.throwIfAborted();
    if (gltf.scenes.length === 0) throw nothingToSee();
    gltf.scene.updateMatrixWorld(true);
    const bounds = new THREE.Box3().setFromObject(gltf.scene).getBoundingSphere(new THREE.Sphere());
    if (!(bounds.radius >= 0)) throw nothingToSee(); // empty: below it; of no place: no number
    stage.addLight();
    stage.scene.add(gltf.scene);
    stage.showAll(bounds);
    return { stage, paths: pathsOf(gltf) };
  } catch (error) {
    stage.dispose();
    throw error;
  } finally {
    for (const link of links) URL.revokeObjectURL(link);
  }
}

async function parsed(bytes: Uint8Array<ArrayBuffer>, urls: ReadonlyMap<string, string>): Promise<GLTF> {
  const manager = new THREE.LoadingManager();
  // Nothing is ever loaded from where a file says, but from the model itself.
  manager.setURLModifier((url) => (/^(blob|data):/.test(url) ? url : (urls.get(url) ?? "data:,")));
  const loader = new GLTFLoader(manager).setMeshoptDecoder(MeshoptDecoder);
  return loader.parseAsync(bytes.buffer, "");
}

function pathsOf(gltf: GLTF): CameraPath[] {
  return gltf.cameras.map((camera, index) => ({
    name: camera.name || strings.models.cameraNumber(index + 1),
    poses: [
      { matrix: camera.matrixWorld.toArray(), fov: camera instanceof THREE.PerspectiveCamera ? camera.fov : null },
    ],
  }));
}
