import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import { placeOfDraft } from "./kept-draft";
import { useDraft } from "./use-draft";

beforeEach(() => sessionStorage.clear());

function typeFor(model: string | null, name?: string) {
  const { result, unmount } = renderHook(() => useDraft(placeOfDraft("film", null, model), null, model));
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
