import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useSteadyLink } from "./use-steady-link";

const at = (signature: string) => `/v1/files/film.mp4?signature=${signature}`;

it("a link that is signed anew changes nothing until the one in use has ended; another file is taken at once", () => {
  const { result, rerender } = renderHook(({ id, url }) => useSteadyLink(id, url), {
    initialProps: { id: "film", url: at("1") },
  });
  rerender({ id: "film", url: at("2") });
  expect(result.current.link).toBe(at("1"));
  act(() => result.current.end());
  expect(result.current.link).toBe(at("2"));
  rerender({ id: "film", url: at("3") });
  expect(result.current.link).toBe(at("2"));
  rerender({ id: "other", url: at("4") });
  expect(result.current.link).toBe(at("4"));
});
