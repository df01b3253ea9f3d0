// An artifact as the API gives it, for tests.
import type { Artifact } from "@/shared/pictures/picture-file";

export function artifactOf(change: Partial<Artifact> = {}): Artifact {
  const { ordinal = 0, kind = "frame", media_type = "image/png" } = change;
  return {
    id: `${kind}-${ordinal}`,
    job: "job",
    kind,
    name: `${ordinal}.png`,
    path: `${ordinal}.png`,
    ordinal,
    frame: ordinal,
    size_bytes: 1,
    sha256: "",
    media_type,
    width: 960,
    height: 540,
    created_at: "2026-11-28T12:00:00Z",
    expired_at: null,
    url: `https://farm.example/files/${kind}-${ordinal}`,
    ...change,
  };
}
