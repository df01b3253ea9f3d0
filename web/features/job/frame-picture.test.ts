import { describe, expect, it } from "vitest";
import { newestOfEach } from "./frame-files";
import { PictureCache } from "./frame-picture";

describe("the pictures of hover cards", () => {
  it("are kept by use: the least used one is given back to the browser", () => {
    const dropped: string[] = [];
    const cache = new PictureCache(2, (url) => dropped.push(url));
    cache.put("a", "blob:a");
    cache.put("b", "blob:b");
    expect(cache.get("a")).toBe("blob:a");
    cache.put("c", "blob:c");
    expect(dropped).toEqual(["blob:b"]);
    expect(cache.get("b")).toBeNull();
    expect(cache.get("a")).toBe("blob:a");
  });

  it("go with the session that they were read in", () => {
    const dropped: string[] = [];
    const cache = new PictureCache(2, (url) => dropped.push(url));
    cache.put("a", "blob:a");
    cache.clear();
    expect(dropped).toEqual(["blob:a"]);
    expect(cache.get("a")).toBeNull();
  });
});

describe("the files of a frame that was rendered twice", () => {
  it("are the newest of each name", () => {
    const file = (id: string, name: string) => ({ id, name, kind: "frame" }) as never;
    expect(newestOfEach([file("1", "a.png"), file("2", "b.png"), file("3", "a.png")])).toEqual([
      file("3", "a.png"),
      file("2", "b.png"),
    ]);
  });
});
