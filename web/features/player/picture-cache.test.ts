import { describe, expect, it, vi } from "vitest";
import { PictureCache } from "./picture-cache";

function picture(pixels: number) {
  return { width: pixels, height: 1, close: vi.fn() };
}

describe("PictureCache", () => {
  it("gives up the picture that was used longest ago once the bytes are spent, and closes it", () => {
    const cache = new PictureCache<number, ReturnType<typeof picture>>(2 * 4 * 100);
    const [a, b, c] = [picture(100), picture(100), picture(100)];
    cache.put(1, a);
    cache.put(2, b);
    cache.get(1);
    cache.put(3, c);
    expect([cache.has(1), cache.has(2), cache.has(3)]).toEqual([true, false, true]);
    expect(b.close).toHaveBeenCalledOnce();
    expect(a.close).not.toHaveBeenCalled();
    expect(cache.bytes).toBe(800);
  });

  it("counts bytes, not pictures: one large picture takes the place of many", () => {
    const cache = new PictureCache<number, ReturnType<typeof picture>>(4 * 100);
    for (let key = 0; key < 10; key += 1) cache.put(key, picture(10));
    expect(cache.size).toBe(10);
    cache.put(99, picture(95));
    expect(cache.size).toBe(1);
  });

  it("keeps the newest picture even where it is larger than all that is allowed", () => {
    const cache = new PictureCache<number, ReturnType<typeof picture>>(10);
    cache.put(1, picture(1000));
    expect(cache.has(1)).toBe(true);
  });

  it("closes the old picture of a frame that gets another one, and all at the end", () => {
    const cache = new PictureCache<number, ReturnType<typeof picture>>(4000);
    const [old, young] = [picture(10), picture(20)];
    cache.put(1, old);
    cache.put(1, young);
    expect(old.close).toHaveBeenCalledOnce();
    cache.clear();
    expect(young.close).toHaveBeenCalledOnce();
    expect(cache.bytes).toBe(0);
  });
});
