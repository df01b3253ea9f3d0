// The uploads of this page: one list for as long as it is open.
import { currentSession, subscribeToSession, whoIsHere } from "@/shared/session/session";
import { hashInWorker } from "./hash-pool";
import { forgetEverything } from "./memory";
import { wait } from "./retrying";
import { isUnderWay } from "./upload";
import { Uploads } from "./uploads";

/** Whose uploads this browser remembers. */
const OWNER_PLACE = "rayfarm.uploads-of";

export const uploads = new Uploads({ hash: hashInWorker, pause: wait, now: Date.now });

if (typeof window !== "undefined") {
  followSession();
  subscribeToSession(followSession);
  window.addEventListener("beforeunload", (leaving) => {
    if (uploads.all().some(isUnderWay)) leaving.preventDefault();
  });
}

/** Of a session that came to its end by itself the memory stays: the same person goes on. Anybody else sees nothing. */
function followSession(): void {
  const session = currentSession();
  if (session.state === "unknown") return;
  if (session.state === "nobody") {
    uploads.leave();
    if (session.why === "signed-out") void forgetEverything();
    return;
  }
  const who = whoIsHere();
  const owner = localStorage.getItem(OWNER_PLACE);
  if (owner !== null && owner !== who) void forgetEverything();
  if (who !== null) localStorage.setItem(OWNER_PLACE, who);
}
