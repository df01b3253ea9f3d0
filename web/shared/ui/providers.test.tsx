// What goes from the screen with the person who was signed in.
import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { act, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { signOut } from "@/shared/session/session";
import { answeringFarm } from "@/tests/answering-farm";
import { notifyProblem } from "./notify";
import { Providers } from "./providers";

afterEach(() => vi.unstubAllGlobals());

it("dialogs and notices of one person are not shown to the next", async () => {
  await answeringFarm({});
  render(<Providers>page</Providers>);
  act(() => {
    modals.open({ children: <Text>key of the film</Text> });
    notifyProblem(new Error("the film failed"));
  });
  await screen.findByText("key of the film");
  await screen.findByText("the film failed");
  await act(signOut);
  await waitFor(() => expect(screen.queryByText("key of the film")).toBeNull());
  await waitFor(() => expect(screen.queryByText("the film failed")).toBeNull());
});
