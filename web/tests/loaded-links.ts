// What the browser is told to load to the disk, without the page being left. Undone by `vi.restoreAllMocks()`.
import { vi } from "vitest";

export function loadedLinks(): string[] {
  const links: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    if (this.hasAttribute("download")) links.push(`${this.getAttribute("href")} as ${this.download}`);
  });
  return links;
}
