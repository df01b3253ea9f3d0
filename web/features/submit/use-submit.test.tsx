import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { endAttempt } from "./attempt";
import { EMPTY_DRAFT } from "./draft";
import { sendDraft } from "./use-submit";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const DRAFT = { ...EMPTY_DRAFT, model: "m1", pipeline: "cycles", frames: "1-4" };
const PLACE = "rayfarm.draft/default/new";

beforeEach(() => sessionStorage.clear());
afterEach(() => vi.unstubAllGlobals());

function keys(log: { headers: Headers }[]): (string | null)[] {
  return log.map((asked) => asked.headers.get("idempotency-key"));
}

describe("sending a form", () => {
  it("asks again with the same key after a lost answer, so that there is one job", async () => {
    let isLost = true;
    const log = await answeringFarm({
      "POST /v1/jobs": () => (isLost ? new Raw(502, { detail: "The answer was lost." }) : { id: "j1" }),
    });
    await expect(sendDraft("default", PLACE, DRAFT, null)).rejects.toThrow("lost");
    isLost = false;
    await expect(sendDraft("default", PLACE, DRAFT, null)).resolves.toBe("j1");
    const [first, second] = keys(log);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
  });

  it("asks with another key once the form says something else, or there is a job", async () => {
    const log = await answeringFarm({ "POST /v1/jobs": () => ({ id: "j1" }) });
    await sendDraft("default", PLACE, DRAFT, null);
    await sendDraft("default", PLACE, { ...DRAFT, frames: "1-8" }, null);
    endAttempt(PLACE);
    await sendDraft("default", PLACE, { ...DRAFT, frames: "1-8" }, null);
    expect(new Set(keys(log)).size).toBe(3);
  });

  it("submits in the project of the page", async () => {
    const log = await answeringFarm({ "POST /v1/jobs": () => ({ id: "j1" }) });
    await sendDraft("film", PLACE, DRAFT, null);
    expect(log[0]!.headers.get("X-Rayfarm-Project")).toBe("film");
    expect(log[0]!.body).toMatchObject({ model: "m1", frames: "1-4" });
  });
});
