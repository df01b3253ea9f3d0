import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { OpenjdDialog } from "./openjd-dialog";

vi.mock("next/navigation", () => import("@/tests/navigation"));

beforeEach(() => goTo("/projects/film/jobs/"));
afterEach(() => vi.unstubAllGlobals());

it("a template that was pasted outlasts Escape; an empty dialog goes by it", async () => {
  await answeringFarm({ "GET /v1/models": () => ({ items: [], next_cursor: null }) });
  const onClose = vi.fn();
  renderInApp(<OpenjdDialog isOpen onClose={onClose} />);
  const template = await screen.findByRole("textbox", { name: /^Its text/ });
  fireEvent.change(template, { target: { value: "specificationVersion: jobtemplate-2023-09" } });
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect(onClose).not.toHaveBeenCalled();
  fireEvent.change(template, { target: { value: "" } });
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect(onClose).toHaveBeenCalledTimes(1);
});
