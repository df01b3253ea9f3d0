// One feed for all tabs of a browser: HTTP/1.1 allows six connections to a host, and ten open jobs would use them up.
// The tab that holds the lock keeps the stream and tells the others; when it closes, the next one goes on where it was.
// On plain http a browser has no locks: there a tab has a stream of its own, and only while somebody sees it.
import { withLock } from "@/shared/session/lock";
import { keepStream, type FarmEvent, type StreamState } from "./stream";

export interface FeedOptions {
  /** What the tabs share, e.g. `project/default`. */
  name: string;
  url: string;
  headers?: Record<string, string>;
  onEvent: (event: FarmEvent) => void;
  onState: (state: StreamState) => void;
}

type Word = { event: FarmEvent } | { state: StreamState } | { ask: true };

/** Follows the feed; the function that is returned ends it. */
export function followShared(options: FeedOptions): () => void {
  return "locks" in navigator ? followWithOthers(options) : followWhileSeen(options);
}

function followWhileSeen({ url, headers, onEvent, onState }: FeedOptions): () => void {
  let last: string | null = null;
  let stream: AbortController | null = null;

  function look() {
    if (document.visibilityState !== "visible") end();
    else if (stream === null) begin();
  }
  function begin() {
    const { signal } = (stream = new AbortController());
    const heard = (event: FarmEvent) => {
      last = event.id ?? last;
      onEvent(event);
    };
    const became = (state: StreamState) => {
      if (!signal.aborted) onState(state); // the next one may be live already
    };
    void keepStream({ url, headers, after: last, onEvent: heard, onState: became }, signal);
  }
  function end() {
    stream?.abort();
    stream = null;
  }

  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    end();
  };
}

function followWithOthers(options: FeedOptions): () => void {
  const abort = new AbortController();
  const channel = new BroadcastChannel(`rayfarm.feed/${options.name}`);
  let last: string | null = null;
  let state: StreamState = "connecting";
  let leads = false;

  const take = (event: FarmEvent) => {
    last = event.id ?? last;
    options.onEvent(event);
  };
  const become = (next: StreamState) => {
    state = next;
    options.onState(next);
  };
  channel.onmessage = ({ data }: MessageEvent<Word>) => {
    if ("event" in data) take(data.event);
    else if ("state" in data) become(data.state);
    else if (leads) tell({ state });
  };
  const tell = (word: Word) => {
    if (!abort.signal.aborted) channel.postMessage(word);
  };
  tell({ ask: true });

  void withLock(`rayfarm.feed/${options.name}`, lead, abort.signal).catch(() => undefined); // ended while it waited

  async function lead() {
    leads = true;
    await keepStream(
      {
        url: options.url,
        headers: options.headers,
        after: last,
        onEvent(event) {
          take(event);
          tell({ event });
        },
        onState(next) {
          become(next);
          tell({ state: next });
        },
      },
      abort.signal,
    );
  }

  return () => {
    abort.abort();
    channel.close();
  };
}
