// A scene on a canvas: light, camera, orbit. It draws when something has changed, and not otherwise.
import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Pose } from "./poses";

const FOV_DEGREES = 50;
const FAR_IN_RADII = 200;

export class Stage {
  readonly scene = new THREE.Scene();
  readonly renderer: THREE.WebGLRenderer;
  private readonly camera = new THREE.PerspectiveCamera(FOV_DEGREES);
  private controls: OrbitControls;
  private readonly resizing: ResizeObserver;
  private bounds = new THREE.Sphere(new THREE.Vector3(), 1);
  private frame: number | null = null;
  private isOver = false;

  /** Raises where the browser gives no WebGL. `up`: away from the ground. */
  constructor(
    private readonly host: HTMLElement,
    private up: THREE.Vector3,
  ) {
    this.renderer = new THREE.WebGLRenderer({ antialias: false, alpha: true });
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.toneMapping = THREE.NoToneMapping;
    host.append(this.renderer.domElement);
    this.renderer.domElement.style.display = "block";
    this.camera.up.copy(up);
    this.controls = this.orbit();
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.resize();
  }

  readonly invalidate = (): void => {
    if (this.isOver) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.renderer.render(this.scene, this.camera);
    });
  };

  /** Light for what has materials; splats have their own. */
  addLight(): void {
    const sun = new THREE.DirectionalLight(0xffffff, 2.2);
    sun.position.set(3, 5, 4);
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x666666, 1.6), sun);
  }

  /** Looks at all of it, from the front and a little above. */
  showAll(bounds: THREE.Sphere = this.bounds): void {
    this.bounds = bounds;
    const radius = Math.max(bounds.radius, 1e-3);
    const distance = radius / Math.sin(((FOV_DEGREES / 2) * Math.PI) / 180);
    const side = new THREE.Vector3(0, 0, Math.sign(this.up.y) || 1);
    const from = side.addScaledVector(this.up, 0.45).normalize().multiplyScalar(distance);
    this.camera.fov = FOV_DEGREES;
    this.camera.near = radius / 1000;
    this.camera.far = radius * FAR_IN_RADII;
    this.camera.up.copy(this.up);
    this.camera.position.copy(bounds.center).add(from);
    this.controls.dispose();
    this.controls = this.orbit();
    this.resize();
  }

  /** Looks through a camera of the scene; orbiting goes on from there. */
  lookThrough({ matrix, fov }: Pose): void {
    const pose = new THREE.Matrix4().fromArray(matrix);
    const forward = new THREE.Vector3(0, 0, -1).transformDirection(pose);
    this.camera.position.setFromMatrixPosition(pose);
    this.camera.up.set(0, 1, 0).transformDirection(pose);
    if (fov !== null) this.camera.fov = fov;
    this.controls.dispose();
    this.controls = this.orbit();
    const reach = Math.max(this.camera.position.distanceTo(this.bounds.center), this.bounds.radius * 0.1);
    this.controls.target.copy(this.camera.position).addScaledVector(forward, reach);
    this.controls.update();
    this.resize();
  }

  /** Some files have what is above below. */
  turnOver(): void {
    this.up = this.up.clone().negate();
    this.showAll(this.bounds);
  }

  /** For keys: turns by degrees, or comes nearer. */
  turn(degrees: number, nearer: number): void {
    const { target } = this.controls;
    const offset = this.camera.position.clone().sub(target);
    offset.applyAxisAngle(this.camera.up, (degrees * Math.PI) / 180).multiplyScalar(nearer);
    this.camera.position.copy(target).add(offset);
    this.controls.update();
    this.invalidate();
  }

  dispose(): void {
    this.isOver = true;
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.resizing.disconnect();
    this.controls.dispose();
    this.scene.traverse((object) => {
      if (object instanceof THREE.Mesh) {
        (object.geometry as THREE.BufferGeometry).dispose();
        for (const material of [object.material as THREE.Material | THREE.Material[]].flat()) material.dispose();
      }
    });
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.renderer.domElement.remove();
  }

  private orbit(): OrbitControls {
    const controls = new OrbitControls(this.camera, this.renderer.domElement);
    controls.target.copy(this.bounds.center);
    controls.addEventListener("change", this.invalidate);
    controls.update();
    return controls;
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.host;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.renderer.setSize(clientWidth, clientHeight);
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    this.invalidate();
  }
}
