// Sends bytes by XMLHttpRequest: `fetch` tells nothing of how far a body has come.
import { Problem } from "@/shared/api/problem";
import { credential, renewAfter } from "@/shared/session/session";
import { strings } from "@/strings/en";

export interface Sending {
  method: "PUT" | "POST";
  url: string;
  body: Blob;
  headers?: Record<string, string>;
  /** By the session of who is signed in; a signed link needs and takes none. */
  isSigned: boolean;
  onProgress: (sentOfThis: number) => void;
  signal: AbortSignal;
}

/** The answer's text; raises `Problem` for whatever is not a success. */
export async function sendBytes(sending: Sending): Promise<string> {
  if (!sending.isSigned) return once(sending, null);
  const bearer = await credential();
  try {
    return await once(sending, bearer);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || bearer === null) throw error;
    const fresh = await renewAfter(bearer);
    if (fresh === null) throw error;
    return once(sending, fresh);
  }
}

function once(sending: Sending, bearer: string | null): Promise<string> {
  const { method, url, body, headers = {}, onProgress, signal } = sending;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted(); // while the credential was renewed
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
    if (bearer !== null) request.setRequestHeader("Authorization", `Bearer ${bearer}`);
    request.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, body.size));
    request.onload = () => {
      leave();
      if (request.status >= 200 && request.status < 300) {
        onProgress(body.size);
        resolve(request.responseText);
      } else {
        onProgress(0);
        reject(problemOfRequest(request));
      }
    };
    request.onerror = () => {
      leave();
      onProgress(0);
      reject(new Problem(0, { detail: strings.faults.broken, remedy: strings.faults.checkConnection }));
    };
    signal.addEventListener("abort", abort, { once: true });
    request.send(body);

    function abort() {
      request.abort();
      onProgress(0);
      reject(signal.reason);
    }
    function leave() {
      signal.removeEventListener("abort", abort);
    }
  });
}

function problemOfRequest(request: XMLHttpRequest): Problem {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(request.responseText);
    if (parsed !== null && typeof parsed === "object") body = { ...parsed };
  } catch {
    // a proxy's page
  }
  const after = Number(request.getResponseHeader("Retry-After"));
  if (body.retry_after_s === undefined && after > 0) body.retry_after_s = after;
  return new Problem(request.status, body);
}
