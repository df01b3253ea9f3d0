// The live feed of a project, for component tests: what a test tells comes over the line.
import type { QueryClient } from "@tanstack/react-query";
import { act, waitFor } from "@testing-library/react";
import type { ReactElement } from "react";
import { FeedProvider, useFeedState } from "@/shared/live/feed-provider";
import type { FarmEvent } from "@/shared/live/stream";

/** `feed.routes` are for the farm, `feed.around(<Page />)` is rendered, `await feed.tell({ kind, job })` tells. */
export function liveFeed(project = "film") {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let state: string | null = null;
  let seq = 1000;

  function Watch() {
    state = useFeedState();
    return null;
  }

  return {
    routes: {
      [`GET /v1/projects/${project}/events`]: () =>
        new Response(readable, { headers: { "Content-Type": "text/event-stream" } }),
    },
    around: (page: ReactElement) => (
      <FeedProvider project={project}>
        <Watch />
        {page}
      </FeedProvider>
    ),
    /** The line is up, and (of `queries`) what is read again then has been. */
    isLive: (queries?: QueryClient) =>
      waitFor(() => {
        if (state !== "live" || (queries?.isFetching() ?? 0) > 0) throw new Error("The page is not live yet.");
      }),
    async tell(event: Partial<FarmEvent> & Pick<FarmEvent, "kind">) {
      seq += 1;
      const whole = { project, job: null, model: null, seq, at: "2026-01-05T10:00:00Z", data: {}, ...event };
      await act(() => writer.write(new TextEncoder().encode(`id: ${seq}\ndata: ${JSON.stringify(whole)}\n\n`)));
    },
  };
}
