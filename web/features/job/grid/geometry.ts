// Where the cells of the frame grid are, and where the keyboard goes on it. Pixels of CSS.

export interface Geometry {
  cell: number;
  gap: number;
  columns: number;
  rows: number;
  /** Left of the cells: the number of each row's first frame. */
  gutter: number;
  count: number;
}

export const CELL_SIZES = [8, 12, 16, 24, 36, 52] as const;
const GUTTER = 56;

/** The size to begin with: large where there are few frames. */
export function firstZoom(frames: number): number {
  if (frames <= 150) return 4;
  if (frames <= 1500) return 3;
  if (frames <= 20_000) return 2;
  return 1;
}

export function geometryOf(width: number, count: number, zoom: number): Geometry {
  const cell = CELL_SIZES[Math.max(0, Math.min(zoom, CELL_SIZES.length - 1))]!;
  const gap = cell >= 16 ? 3 : cell >= 12 ? 2 : 1;
  const room = Math.max(1, Math.floor((width - GUTTER + gap) / (cell + gap)));
  // Tens are easier to count in.
  const columns = room >= 10 ? room - (room % 10) : room;
  return { cell, gap, columns, rows: Math.ceil(count / columns), gutter: GUTTER, count };
}

export function heightOf({ rows, cell, gap }: Geometry): number {
  return rows * (cell + gap) + gap;
}

export function placeOf(geometry: Geometry, index: number): { x: number; y: number } {
  const step = geometry.cell + geometry.gap;
  return {
    x: geometry.gutter + (index % geometry.columns) * step,
    y: geometry.gap + Math.floor(index / geometry.columns) * step,
  };
}

/** Index of the cell at a point; null: none is there. A gap belongs to the cell before it. */
export function indexAt(geometry: Geometry, x: number, y: number): number | null {
  const step = geometry.cell + geometry.gap;
  const column = Math.floor((x - geometry.gutter) / step);
  const row = Math.floor((y - geometry.gap) / step);
  if (column < 0 || column >= geometry.columns || row < 0) return null;
  const index = row * geometry.columns + column;
  return index < geometry.count ? index : null;
}

/** Where a key leads from a cell; null: the key does not move. */
export function moved(geometry: Geometry, key: string, index: number, pageRows: number, toEnd: boolean): number | null {
  const { columns, count } = geometry;
  const within = (next: number) => Math.max(0, Math.min(count - 1, next));
  switch (key) {
    case "ArrowLeft":
      return within(index - 1);
    case "ArrowRight":
      return within(index + 1);
    case "ArrowUp":
      return index - columns >= 0 ? index - columns : index;
    case "ArrowDown":
      return index + columns < count ? index + columns : index;
    case "PageUp":
      return within(index - columns * pageRows);
    case "PageDown":
      return within(index + columns * pageRows);
    case "Home":
      return toEnd ? 0 : index - (index % columns);
    case "End":
      return toEnd ? count - 1 : within(index - (index % columns) + columns - 1);
    default:
      return null;
  }
}

/** Indices from one cell to another, both in, in whichever direction. */
export function between(from: number, to: number): number[] {
  const low = Math.min(from, to);
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, place) => low + place);
}
