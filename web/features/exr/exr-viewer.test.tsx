import { readFileSync } from "node:fs";
import path from "node:path";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { renderInApp } from "@/tests/render";
import type { Question, Told } from "./exr-messages";
import { ExrSession } from "./exr-session";
import { ExrViewer } from "./exr-viewer";

const FILE = readFileSync(path.join(import.meta.dirname, "fixtures/zips.exr"));

/** jsdom has no workers: the same session, in the page. It draws nothing. */
class WorkerInPage {
  onmessage: ((event: { data: Told }) => void) | null = null;
  private session: ExrSession | null = null;

  constructor() {
    queueMicrotask(() => this.onmessage?.({ data: { isReady: true } }));
  }

  async postMessage({ number, question }: { number: number; question: Question }) {
    this.onmessage?.({ data: { number, answer: await this.answerTo(question) } });
  }

  private async answerTo(question: Question) {
    if (question.ask === "open") this.session = new ExrSession(new Uint8Array(question.bytes));
    if (question.ask === "open") return this.session!.layers;
    if (question.ask === "choose") return this.session!.choose(question.layer);
    return question.ask === "pixel" ? this.session!.pixel(question.x, question.y) : null;
  }

  terminate() {}
}

beforeEach(() => vi.stubGlobal("Worker", WorkerInPage));
afterEach(() => vi.unstubAllGlobals());

it.each([
  ["nobody answers", () => Promise.reject(new TypeError("Failed to fetch"))],
  ["the storage is not well", () => Promise.resolve(new Response(null, { status: 503 }))],
])("a file that could not be read as %s is read again by the same link", async (_, failing) => {
  const fetching = vi.fn(async () => new Response(FILE)).mockImplementationOnce(failing);
  vi.stubGlobal("fetch", fetching);
  const onLinkEnded = vi.fn();
  renderInApp(<ExrViewer url="/v1/files/light.exr" name="light.exr" onLinkEnded={onLinkEnded} />);
  fireEvent.click(await screen.findByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("region", { name: "EXR viewer" })).toBeVisible();
  expect(fetching.mock.calls.map(([url]: unknown[]) => url)).toEqual(["/v1/files/light.exr", "/v1/files/light.exr"]);
  expect(onLinkEnded).not.toHaveBeenCalled();
});

it("where the link has ended, another one is asked for", async () => {
  vi.stubGlobal("fetch", async () => new Response(null, { status: 403 }));
  const onLinkEnded = vi.fn();
  renderInApp(<ExrViewer url="/v1/files/light.exr" name="light.exr" onLinkEnded={onLinkEnded} />);
  fireEvent.click(await screen.findByRole("button", { name: "Try again" }));
  expect(onLinkEnded).toHaveBeenCalledOnce();
});
