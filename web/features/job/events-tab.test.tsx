import { fireEvent, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { EventsTab } from "./events-tab";
import { jobWith } from "./job.fixture";
import { useJobEvents } from "./use-job-events";

vi.mock("next/navigation", () => import("@/tests/navigation"));

beforeEach(() => goTo("/projects/film/jobs/a/"));
afterEach(() => vi.unstubAllGlobals());

/** The stream of a job that has events up to `farm.last`, told behind `Last-Event-ID`; it ends with the last (204). */
async function streamOf(last: number) {
  const farm = { last, after: [] as number[] };
  await answeringFarm({});
  vi.stubGlobal("fetch", async (request: Request) => {
    const after = Number(request.headers.get("Last-Event-ID"));
    farm.after.push(after);
    if (after >= farm.last) return new Response(null, { status: 204 });
    const seqs = Array.from({ length: farm.last - after }, (_, place) => after + 1 + place);
    return new Response(seqs.map(told).join(""), { headers: { "Content-Type": "text/event-stream" } });
  });
  return farm;
}

function told(seq: number): string {
  const body = { kind: "chunk.started", seq, at: "2026-01-05T10:00:00Z", data: { message: `number ${seq}` } };
  return `id: ${seq}\nevent: ${body.kind}\ndata: ${JSON.stringify(body)}\n\n`;
}

const shown = () => screen.queryAllByText(/^number \d+$/).map(({ textContent }) => Number(textContent?.slice(7)));

it("a job that tells without end keeps the newest events alone, and older ones where more are asked for", async () => {
  await streamOf(12);
  const { result, rerender } = renderHook((most: number) => useJobEvents(jobWith(), { from: 0, most }), {
    initialProps: 5,
  });
  const numbers = () => result.current.events.map(({ seq }) => seq);
  await waitFor(() => expect(numbers()).toEqual([8, 9, 10, 11, 12]));
  rerender(10);
  await waitFor(() => expect(numbers()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
});

it("earlier events are offered where there are some", async () => {
  await streamOf(103);
  renderInApp(<EventsTab job={jobWith({ last_event: 103 })} />);
  await waitFor(() => expect(shown().at(-1)).toBe(4));
  fireEvent.click(screen.getByText("Show earlier ones"));
  await waitFor(() => expect(shown().at(-1)).toBe(1));
  expect(screen.queryByText("Show earlier ones")).toBeNull();
});

it("a job that is retried after its end is followed again, behind what was told", async () => {
  const farm = await streamOf(3);
  const { rerender } = renderInApp(<EventsTab job={jobWith({ last_event: 3, state: "failed" })} />);
  await waitFor(() => expect(shown()).toEqual([3, 2, 1]));
  await waitFor(() => expect(farm.after).toEqual([0, 3]));
  farm.last = 5;
  rerender(<EventsTab job={jobWith({ last_event: 4, state: "queued" })} />);
  await waitFor(() => expect(shown()).toEqual([5, 4, 3, 2, 1]));
  expect(farm.after.slice(0, 3)).toEqual([0, 3, 3]);
});
