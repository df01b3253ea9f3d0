import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

afterEach(cleanup);
configure({ asyncUtilTimeout: 30_000 }); // a busy machine is slow, and no fault

class NoResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
// What Mantine asks of a browser and jsdom does not have.
if (typeof window !== "undefined") {
  Object.defineProperty(window, "matchMedia", {
    writable: true,
    value: (query: string) => ({
      matches: false,
      media: query,
      onchange: null,
      addListener: vi.fn(),
      removeListener: vi.fn(),
      addEventListener: vi.fn(),
      removeEventListener: vi.fn(),
      dispatchEvent: vi.fn(),
    }),
  });
  window.ResizeObserver ??= NoResizeObserver as unknown as typeof ResizeObserver;
  window.HTMLElement.prototype.scrollIntoView ??= () => {};
  if (!("fonts" in document)) Object.defineProperty(document, "fonts", { value: new EventTarget() });
}

// Node's `Request` takes no path alone, as a browser's does, and no signal of jsdom's.
class RequestHere extends Request {
  constructor(input: RequestInfo | URL, init: RequestInit = {}) {
    super(typeof input === "string" ? new URL(input, "http://farm.test") : input, { ...init, signal: null });
  }
}
globalThis.Request = RequestHere;
