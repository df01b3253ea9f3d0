// Where a picture lies in the box that it is looked at in: pure, for panes that move together.

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** Pixels of the screen for one of the picture, and where its upper left corner is. */
export interface View extends Point {
  scale: number;
}

export const SMALLEST = 0.02;
export const LARGEST = 64;

/** All of the picture, as large as the box lets it be. */
export function fitting(picture: Size, box: Size): View {
  if (picture.width === 0 || picture.height === 0 || box.width === 0 || box.height === 0)
    return { scale: 1, x: 0, y: 0 };
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  return { scale, x: (box.width - picture.width * scale) / 2, y: (box.height - picture.height * scale) / 2 };
}

/** What lies under the point stays there. */
export function zoomed(view: View, factor: number, at: Point): View {
  const scale = Math.min(LARGEST, Math.max(SMALLEST, view.scale * factor));
  const real = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real };
}

export function moved(view: View, x: number, y: number): View {
  return { ...view, x: view.x + x, y: view.y + y };
}

/** The pixel of the picture under a point of the box; null: beside it. */
export function pixelAt(view: View, at: Point, picture: Size): Point | null {
  const x = Math.floor((at.x - view.x) / view.scale);
  const y = Math.floor((at.y - view.y) / view.scale);
  return x >= 0 && y >= 0 && x < picture.width && y < picture.height ? { x, y } : null;
}
