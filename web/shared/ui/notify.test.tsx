import { notifications } from "@mantine/notifications";
import { modals } from "@mantine/modals";
import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { notifyProblem } from "./notify";
import { notifyUndo } from "./notify-undo";
import { Providers } from "./providers";

afterEach(() => {
  act(() => notifications.clean());
  vi.unstubAllGlobals();
});

async function app() {
  await answeringFarm({});
  render(<Providers>page</Providers>);
}

it("notices and questions are closed by a button that has a name", async () => {
  await app();
  act(() => notifyProblem(new Error("the film failed")));
  const notice = await screen.findByRole("alert");
  await userEvent.click(within(notice).getByRole("button", { name: "Close" }));
  act(() => void modals.openConfirmModal({ title: "Cancel the job?" }));
  const dialog = await screen.findByRole("dialog", { name: "Cancel the job?" });
  expect(within(dialog).getByRole("button", { name: "Close" })).toBeVisible();
});

it("failures that nobody has closed keep no notice back, and the same one stands there once", async () => {
  await app();
  act(() => {
    for (let frame = 1; frame <= 6; frame += 1) {
      notifyProblem(new Error(`Frame ${frame} failed.`));
      notifyProblem(new Error("The farm cannot be reached."));
    }
    notifyUndo("Skipped.", "Undo", () => undefined);
  });
  expect(await screen.findByRole("button", { name: "Undo" })).toBeVisible();
  expect(screen.getAllByText(/^Frame . failed.$/)).toHaveLength(6);
  expect(screen.getAllByText("The farm cannot be reached.")).toHaveLength(1);
});
