// The farm as an upload meets it, at the edge of the network: `fetch` and XMLHttpRequest.
import { createHash } from "node:crypto";
import { vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  bytes: number;
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Blobs that it has, what it was asked, and answers that a test has it give instead of its own. */
export class FakeFarm {
  readonly blobs = new Map<string, Uint8Array>();
  readonly asked: Asked[] = [];
  readonly manifests: { name: string; manifest: { files: { path: string; digest: string }[]; remap: object } }[] = [];
  readonly parts = new Map<string, Map<number, Uint8Array>>();
  /** Tried in turn before the farm's own answer; null: it has none for this. */
  instead: (asked: Asked) => Response | "broken" | null = () => null;
  missing: object[] = [];
  partBytes = 16 << 20;

  install(): void {
    const kept = new Map([["rayfarm.key", "rf_test"]]);
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: () => undefined,
      removeItem: () => undefined,
    };
    vi.stubGlobal("sessionStorage", storage);
    vi.stubGlobal("localStorage", storage);
    vi.stubGlobal("fetch", async (input: Request) => {
      const body = new Uint8Array(await input.arrayBuffer());
      const answer = await this.answer(input.method, new URL(input.url).pathname, body);
      if (answer === "broken") throw new TypeError("network");
      return answer;
    });
    const reply = this.answer.bind(this);
    vi.stubGlobal(
      "XMLHttpRequest",
      class {
        upload: { onprogress?: (event: { loaded: number }) => void } = {};
        onload?: () => void;
        onerror?: () => void;
        status = 0;
        responseText = "";
        private method = "";
        private url = "";
        private headers = new Headers();
        private isOver = false;
        open(method: string, url: string) {
          this.method = method;
          this.url = new URL(url, "http://farm").pathname;
        }
        setRequestHeader() {}
        getResponseHeader(name: string) {
          return this.headers.get(name);
        }
        abort() {
          this.isOver = true;
        }
        async send(body: Blob) {
          const bytes = new Uint8Array(await body.arrayBuffer());
          const answer = await reply(this.method, this.url, bytes);
          if (this.isOver) return;
          if (answer === "broken") return this.onerror?.();
          this.status = answer.status;
          this.headers = answer.headers;
          this.responseText = await answer.text();
          this.onload?.();
        }
      },
    );
  }

  /** How many requests of this kind came. */
  times(method: string, start: string): number {
    return this.asked.filter((each) => each.method === method && each.path.startsWith(start)).length;
  }

  private async answer(method: string, path: string, body: Uint8Array): Promise<Response | "broken"> {
    const asked = { method, path, bytes: body.byteLength };
    this.asked.push(asked);
    return this.instead(asked) ?? this.own(method, path, body);
  }

  private own(method: string, path: string, body: Uint8Array): Response {
    if (path === "/v1/blobs/lacking") return this.lacking(JSON.parse(new TextDecoder().decode(body)));
    if (path === "/v1/blobs:batch") return this.batch(body);
    if (path.startsWith("/v1/blobs/")) return this.keep(path.slice("/v1/blobs/".length), body);
    if (path.startsWith("/v1/parts/")) return this.keepPart(path, body);
    if (path.startsWith("/v1/uploads")) return this.upload(method, path, body);
    if (path === "/v1/models" || path.startsWith("/v1/models/")) return this.model(method, body);
    return Response.json({ detail: `the fake farm has no ${path}` }, { status: 404 });
  }

  private lacking({ digests }: { digests: string[] }): Response {
    const accepts = {
      batch_files: 10_000,
      batch_file_bytes: 4 << 20,
      batch_bytes: 64 << 20,
      part_bytes: this.partBytes,
      chunks: 0,
      chunk_bytes: 0,
    };
    return Response.json({ lacking: digests.filter((digest) => !this.blobs.has(digest)), accepts });
  }

  private batch(tar: Uint8Array): Response {
    const items: object[] = [];
    for (let at = 0; (tar[at] ?? 0) !== 0;) {
      const text = new TextDecoder().decode(tar.slice(at, at + 512));
      const size = Number.parseInt(text.slice(124, 135), 8);
      const digest = text.slice(0, 64);
      const content = tar.slice(at + 512, at + 512 + size);
      const isRight = sha256(content) === digest && text.slice(257, 262) === "ustar";
      if (isRight) this.blobs.set(digest, content);
      items.push({ digest, size_bytes: size, state: isRight ? "stored" : "refused" });
      at += 512 + Math.ceil(size / 512) * 512;
    }
    return Response.json({ items, refused: 0 });
  }

  private keep(digest: string, content: Uint8Array): Response {
    if (sha256(content) !== digest) {
      return Response.json({ code: "digest-mismatch", detail: "It is something else." }, { status: 422 });
    }
    this.blobs.set(digest, content);
    return Response.json({ digest, size_bytes: content.byteLength }, { status: 201 });
  }

  private readonly announced = new Map<string, number>();

  private upload(method: string, path: string, body: Uint8Array): Response {
    if (path === "/v1/uploads") {
      const { digest, size_bytes } = JSON.parse(new TextDecoder().decode(body)) as {
        digest: string;
        size_bytes: number;
      };
      this.announced.set(digest, size_bytes);
      if (!this.parts.has(digest)) this.parts.set(digest, new Map());
      return Response.json(this.viewOf(digest), { status: 201 });
    }
    const digest = path.slice("/v1/uploads/".length).replace(":complete", "");
    if (method === "DELETE") return new Response(null, { status: this.parts.delete(digest) ? 204 : 404 });
    if (path.endsWith(":complete")) {
      const there = [...(this.parts.get(digest) ?? [])].sort(([one], [other]) => one - other);
      this.keep(digest, Buffer.concat(there.map(([, content]) => content)));
    }
    return Response.json(this.viewOf(digest));
  }

  private keepPart(path: string, content: Uint8Array): Response {
    const [digest = "", number] = path.slice("/v1/parts/".length).split("/");
    this.parts.get(digest)?.set(Number(number), content);
    return new Response(null, { status: 200 });
  }

  private viewOf(digest: string): object {
    const size = this.announced.get(digest) ?? 0;
    const there = this.parts.get(digest) ?? new Map<number, Uint8Array>();
    const parts = Array.from({ length: Math.ceil(size / this.partBytes) }, (_, index) => ({
      number: index + 1,
      size_bytes: Math.min(this.partBytes, size - index * this.partBytes),
      is_there: there.has(index + 1),
      url: there.has(index + 1) ? null : `http://farm/v1/parts/${digest}/${index + 1}`,
    }));
    const state = this.blobs.has(digest) ? "complete" : "open";
    return { id: digest, digest, size_bytes: size, part_bytes: this.partBytes, state, parts };
  }

  private model(method: string, body: Uint8Array): Response {
    if (method === "POST") this.manifests.push(JSON.parse(new TextDecoder().decode(body)));
    const { manifest } = this.manifests.at(-1) ?? { manifest: { files: [], remap: {} } };
    const there = new Set(manifest.files.map(({ path }) => path));
    const led = manifest.remap as Record<string, string>;
    const missing = this.missing.filter((each) => {
      const { raw, resolved } = each as { raw: string; resolved: string | null };
      return !there.has(led[raw] ?? resolved ?? "");
    });
    const state = missing.length > 0 ? "incomplete" : "ready";
    return Response.json({ id: "model-1", name: "shot", state, missing, manifest }, { status: 202 });
  }
}
