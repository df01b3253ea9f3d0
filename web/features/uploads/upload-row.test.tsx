import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { renderInApp } from "@/tests/render";
import { uploads } from "./engine/page-uploads";
import type { Upload } from "./engine/upload";
import { UploadRow } from "./upload-row";

vi.mock("next/navigation", () => import("@/tests/navigation"));

afterEach(() => vi.restoreAllMocks());

const SENDING: Upload = {
  id: "u1",
  project: "film",
  name: "armillary",
  folder: "armillary",
  main: { path: "armillary.blend", kind: "blender" },
  state: "sending",
  files: 3,
  bytes: 2000,
  hashedBytes: 2000,
  lackingBytes: 2000,
  sentBytes: 1500,
  bytesPerSecond: 100,
  problem: null,
  model: null,
  canReopen: false,
};

const CANCEL = { name: "Cancel the upload" };

it("an upload of which something was sent is ended only when that was confirmed", async () => {
  const cancel = vi.spyOn(uploads, "cancel").mockReturnValue(undefined);
  renderInApp(<UploadRow upload={SENDING} />);
  fireEvent.click(screen.getByRole("button", CANCEL));
  expect(await screen.findByRole("dialog", { name: "Cancel the upload of armillary?" })).toBeInTheDocument();
  expect(cancel).not.toHaveBeenCalled();
  const confirm = screen.getAllByRole("button", CANCEL).at(-1);
  fireEvent.click(confirm!);
  await waitFor(() => expect(cancel).toHaveBeenCalledWith("u1"));
});

it("one that has sent nothing yet is ended at once", () => {
  const cancel = vi.spyOn(uploads, "cancel").mockReturnValue(undefined);
  renderInApp(<UploadRow upload={{ ...SENDING, state: "hashing", sentBytes: 0 }} />);
  fireEvent.click(screen.getByRole("button", CANCEL));
  expect(cancel).toHaveBeenCalledWith("u1");
});
