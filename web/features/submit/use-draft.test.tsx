import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import { useDraft } from "./use-draft";

beforeEach(() => sessionStorage.clear());

function typeFor(model: string | null, name?: string) {
  const { result, unmount } = renderHook(() => useDraft("film", null, model));
  if (name !== undefined) act(() => result.current.change({ name }));
  const { draft } = result.current;
  unmount();
  return draft.name;
}

it("what was typed for one model outlasts a form that was filled for another", () => {
  typeFor("m1", "first scene");
  typeFor("m2", "second scene");
  typeFor(null, "no scene yet");
  expect([typeFor("m1"), typeFor("m2"), typeFor(null)]).toEqual(["first scene", "second scene", "no scene yet"]);
});

it("a form whose model was changed is kept for that model, and the link to the first one begins anew", () => {
  const { result, rerender, unmount } = renderHook(({ model }) => useDraft("film", null, model), {
    initialProps: { model: "m1" },
  });
  act(() => result.current.change({ name: "night shot" }));
  act(() => result.current.change({ model: "m2" }));
  rerender({ model: "m2" });
  act(() => result.current.change({ frames: "1-10" }));
  unmount();
  expect(renderHook(() => useDraft("film", null, "m2")).result.current.draft).toMatchObject({
    model: "m2",
    name: "night shot",
    frames: "1-10",
  });
  expect(renderHook(() => useDraft("film", null, "m1")).result.current.draft).toMatchObject({ model: "m1", name: "" });
});
