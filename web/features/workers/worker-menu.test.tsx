import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { WorkerMenu } from "./worker-menu";

vi.mock("next/navigation", () => ({ usePathname: () => "/farm/workers/" }));

const OPERATOR = { permissions: ["self", "project:read", "farm:operate"] };
const REPLICA = { kind: "replica", id: "r1", name: "gpu-01 · r1" } as const;
const NODE = { kind: "node", id: "gpu-01", name: "gpu-01" } as const;

afterEach(() => vi.unstubAllGlobals());

async function choose(user: ReturnType<typeof userEvent.setup>, name: string, act: string) {
  await user.click(await screen.findByRole("button", { name: `Actions for ${name}` }));
  await user.click(await screen.findByRole("menuitem", { name: new RegExp(act) }));
  return screen.findByRole("dialog");
}

describe("what an operator tells a worker", () => {
  it("disabling it says why, and can be taken back from the notice", async () => {
    const asked = await answeringFarm({
      "GET /v1/me": () => OPERATOR,
      "POST /v1/replicas/r1/disable": () => ({}),
      "POST /v1/replicas/r1/enable": () => ({}),
    });
    const user = userEvent.setup();
    renderInApp(<WorkerMenu worker={REPLICA} isDisabled={false} isDraining={false} />);
    const dialog = await choose(user, REPLICA.name, "Disable");
    expect(within(dialog).getByRole("button", { name: "Close" })).toBeVisible();
    await user.type(within(dialog).getByRole("textbox", { name: "Reason" }), "Fan is loud");
    await user.click(within(dialog).getByRole("button", { name: "Disable" }));
    await user.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(() =>
      expect(asked.filter(({ method }) => method === "POST").map(({ path, body }) => [path, body ?? null])).toEqual([
        ["/v1/replicas/r1/disable", { reason: "Fan is loud" }],
        ["/v1/replicas/r1/enable", null],
      ]),
    );
  });

  it("draining a machine tells when it goes", async () => {
    const asked = await answeringFarm({ "GET /v1/me": () => OPERATOR, "POST /v1/nodes/gpu-01/drain": () => [] });
    const user = userEvent.setup();
    renderInApp(<WorkerMenu worker={NODE} isDisabled={false} isDraining={false} />);
    const dialog = await choose(user, NODE.name, "Drain");
    await user.type(within(dialog).getByRole("textbox", { name: /Gone in/ }), "120");
    await user.click(within(dialog).getByRole("button", { name: "Drain" }));
    await waitFor(() =>
      expect(asked.find(({ method }) => method === "POST")).toMatchObject({
        path: "/v1/nodes/gpu-01/drain",
        body: { within_s: 120 },
      }),
    );
    expect(screen.queryByRole("button", { name: "Undo" })).not.toBeInTheDocument();
  });

  it("one that drains is offered neither a drain nor a restart", async () => {
    await answeringFarm({ "GET /v1/me": () => OPERATOR });
    const user = userEvent.setup();
    renderInApp(<WorkerMenu worker={REPLICA} isDisabled isDraining />);
    await user.click(await screen.findByRole("button", { name: `Actions for ${REPLICA.name}` }));
    const items = await screen.findAllByRole("menuitem");
    expect(items.map((item) => item.textContent)).toEqual(["Enable …"]);
  });

  it("an artist has no such menu", async () => {
    const asked = await answeringFarm({ "GET /v1/me": () => ({ permissions: ["self", "project:read"] }) });
    renderInApp(<WorkerMenu worker={REPLICA} isDisabled={false} isDraining={false} />);
    await waitFor(() => expect(asked).toHaveLength(1));
    expect(screen.queryByRole("button", { name: /Actions/ })).not.toBeInTheDocument();
  });
});
