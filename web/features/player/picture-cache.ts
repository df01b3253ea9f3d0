// Decoded pictures, the least recently used thrown away first once they take more memory than allowed.

export interface Decoded {
  readonly width: number;
  readonly height: number;
  close(): void;
}

const BYTES_PER_PIXEL = 4;

export class PictureCache<Key, Picture extends Decoded> {
  bytes = 0;
  private readonly pictures = new Map<Key, Picture>(); // in the order of use, the oldest first

  constructor(readonly limitBytes: number) {}

  get size(): number {
    return this.pictures.size;
  }

  has(key: Key): boolean {
    return this.pictures.has(key);
  }

  get(key: Key): Picture | null {
    const picture = this.pictures.get(key);
    if (picture === undefined) return null;
    this.pictures.delete(key);
    this.pictures.set(key, picture);
    return picture;
  }

  /** The newest one stays, however large it is. */
  put(key: Key, picture: Picture): void {
    this.drop(key);
    this.pictures.set(key, picture);
    this.bytes += bytesOf(picture);
    for (const oldest of this.pictures.keys()) {
      if (this.bytes <= this.limitBytes || oldest === key) return;
      this.drop(oldest);
    }
  }

  drop(key: Key): void {
    const picture = this.pictures.get(key);
    if (picture === undefined) return;
    this.pictures.delete(key);
    this.bytes -= bytesOf(picture);
    picture.close();
  }

  clear(): void {
    for (const key of [...this.pictures.keys()]) this.drop(key);
  }
}

function bytesOf({ width, height }: Decoded): number {
  return width * height * BYTES_PER_PIXEL;
}
