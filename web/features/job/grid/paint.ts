// Draws the cells that are in view. Colour is the state; a failed frame has a cross and a suspect one a corner too, so
// that no colour carries it alone. At 10,000 frames some hundred cells are in view, whatever the job's size.
import { FRAME_STATES, type FrameState, type FrameStates } from "../frame-states";
import { placeOf, type Geometry } from "./geometry";

export interface Palette {
  states: Record<FrameState, string>;
  suspect: string;
  text: string;
  dimmed: string;
  background: string;
  focus: string;
  font: string;
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    states: Object.fromEntries(FRAME_STATES.map((state) => [state, value(`--farm-${state}`)])) as Palette["states"],
    suspect: value("--farm-suspect"),
    text: value("--mantine-color-text"),
    dimmed: value("--mantine-color-dimmed"),
    background: value("--mantine-color-body"),
    focus: value("--mantine-primary-color-filled"),
    font: style.fontFamily,
  };
}

export interface Scene {
  geometry: Geometry;
  states: FrameStates;
  isSelected: (ordinal: number) => boolean;
  ordinalAt: (index: number) => number;
  frameAt: (ordinal: number) => number;
  /** 0 to 1, of a frame that renders and tells of it. */
  progressOf: (ordinal: number) => number | null;
  /** Cell of the keyboard; null: the grid has no focus. */
  active: number | null;
  /** What is scrolled away above. */
  top: number;
  width: number;
  height: number;
}

const MARKED_FROM = 12;
const NUMBERED_FROM = 36;

export function paint(context: CanvasRenderingContext2D, palette: Palette, scene: Scene): void {
  const { geometry, top, width, height } = scene;
  const step = geometry.cell + geometry.gap;
  context.clearRect(0, 0, width, height);
  const firstRow = Math.max(0, Math.floor(top / step));
  const lastRow = Math.min(geometry.rows - 1, Math.ceil((top + height) / step));
  for (let row = firstRow; row <= lastRow; row += 1) {
    const first = row * geometry.columns;
    paintRowLabel(context, palette, scene, first);
    const beyond = Math.min(first + geometry.columns, geometry.count);
    for (let index = first; index < beyond; index += 1) paintCell(context, palette, scene, index);
  }
}

function paintRowLabel(context: CanvasRenderingContext2D, palette: Palette, scene: Scene, index: number): void {
  const { cell, gutter } = scene.geometry;
  // Small rows would write over each other: each third is labelled.
  if (cell < 12 && Math.floor(index / scene.geometry.columns) % 2 === 1) return;
  context.fillStyle = palette.dimmed;
  context.font = `11px ${palette.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const { y } = placeOf(scene.geometry, index);
  context.fillText(String(scene.frameAt(scene.ordinalAt(index))), gutter - 8, y - scene.top + cell / 2 + 0.5);
}

function paintCell(context: CanvasRenderingContext2D, palette: Palette, scene: Scene, index: number): void {
  const { cell } = scene.geometry;
  const ordinal = scene.ordinalAt(index);
  const state = scene.states.stateAt(ordinal);
  const place = placeOf(scene.geometry, index);
  const x = place.x;
  const y = place.y - scene.top;
  const radius = cell >= 24 ? 4 : cell >= 12 ? 2 : 0;
  const color = state === null ? "transparent" : palette.states[state];
  const fraction = state === "rendering" ? scene.progressOf(ordinal) : null;
  if (fraction === null) fillCell(context, x, y, cell, cell, radius, color);
  else {
    context.globalAlpha = 0.35;
    fillCell(context, x, y, cell, cell, radius, color);
    context.globalAlpha = 1;
    const filled = Math.max(2, Math.round(cell * fraction));
    fillCell(context, x, y + cell - filled, cell, filled, Math.min(radius, filled / 2), color);
  }
  if (cell >= MARKED_FROM) {
    if (state === "failed") paintCross(context, palette.background, x, y, cell);
    if (scene.states.isSuspect(ordinal)) paintCorner(context, palette, x, y, cell);
  } else if (scene.states.isSuspect(ordinal)) fillCell(context, x, y, cell, cell, 0, palette.suspect);
  if (cell >= NUMBERED_FROM && state !== null) paintNumber(context, palette, scene, ordinal, x, y);
  if (scene.isSelected(ordinal)) outline(context, palette.text, x, y, cell, 2);
  if (index === scene.active) outline(context, palette.focus, x - 2, y - 2, cell + 4, 2);
}

function fillCell(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  radius: number,
  color: string,
): void {
  context.fillStyle = color;
  if (radius === 0) {
    context.fillRect(x, y, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fill();
}

function paintCross(context: CanvasRenderingContext2D, color: string, x: number, y: number, cell: number): void {
  const size = Math.min(cell, 20) / 2 - 3;
  const centreX = x + cell / 2;
  const centreY = cell >= NUMBERED_FROM ? y + cell * 0.3 : y + cell / 2;
  context.strokeStyle = color;
  context.lineWidth = cell >= 24 ? 2 : 1.5;
  context.beginPath();
  context.moveTo(centreX - size, centreY - size);
  context.lineTo(centreX + size, centreY + size);
  context.moveTo(centreX + size, centreY - size);
  context.lineTo(centreX - size, centreY + size);
  context.stroke();
}

function paintCorner(context: CanvasRenderingContext2D, palette: Palette, x: number, y: number, cell: number): void {
  const size = Math.max(6, cell * 0.45);
  context.fillStyle = palette.suspect;
  context.strokeStyle = palette.background;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x + cell - size, y);
  context.lineTo(x + cell, y);
  context.lineTo(x + cell, y + size);
  context.closePath();
  context.fill();
  context.stroke();
}

function paintNumber(
  context: CanvasRenderingContext2D,
  palette: Palette,
  scene: Scene,
  ordinal: number,
  x: number,
  y: number,
): void {
  const { cell } = scene.geometry;
  const text = String(scene.frameAt(ordinal));
  context.font = `600 ${cell >= 52 ? 13 : 10}px ${palette.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = palette.background;
  context.strokeText(text, x + cell / 2, y + cell * 0.68, cell - 2);
  context.fillStyle = palette.text;
  context.fillText(text, x + cell / 2, y + cell * 0.68, cell - 2);
}

function outline(context: CanvasRenderingContext2D, color: string, x: number, y: number, size: number, width: number) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.strokeRect(x + width / 2, y + width / 2, size - width, size - width);
}
