// Files to the disk: those that the farm gives only to who is signed in are fetched, then handed to the browser.
import { signedFetch } from "./client";
import { problemOf } from "./problem";

/** Raises `Problem`. The file is named as the farm names it, or else `name`. */
export async function download(path: string, name: string, headers: Record<string, string> = {}): Promise<void> {
  const answer = await signedFetch(path, { headers });
  if (!answer.ok) throw await problemOf(answer);
  const url = URL.createObjectURL(await answer.blob());
  downloadLink(url, fileName(answer.headers.get("content-disposition")) ?? name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // some browsers read it a moment after the click
}

/** Loads a link that needs no credential: where it fails, the page stays. `name`: where the farm gives none. */
export function downloadLink(url: string, name = ""): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

export function fileName(disposition: string | null): string | null {
  const extended = /filename\*=utf-8''([^;]+)/i.exec(disposition ?? "")?.[1];
  if (extended !== undefined) return decodeURIComponent(extended);
  return /filename="?([^";]+)"?/i.exec(disposition ?? "")?.[1] ?? null;
}
