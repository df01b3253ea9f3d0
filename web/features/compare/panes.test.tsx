import { fireEvent, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { renderInApp } from "@/tests/render";
import { strings } from "@/strings/en";
import { Views } from "./compare";
import type { Pixels } from "./difference";
import type { FramePixels } from "./use-frame-pixels";

function there(width: number, level: number): FramePixels {
  const data = new Uint8ClampedArray(width * 4).fill(level);
  const pixels: Pixels = { width, height: 1, data };
  return { state: "there", pixels, isPreview: false };
}

const names = ["v2", "v1"] as const;

describe("the comparison of two frames", () => {
  it("moves its divider by keys, and says how much of A is seen", () => {
    renderInApp(<Views mode="wipe" frame={7} a={there(4, 10)} b={there(4, 20)} names={names} />);
    const divider = screen.getByRole("slider", { name: "Divider between A and B" });
    expect(divider).toHaveAttribute("aria-valuenow", "50");
    fireEvent.keyDown(divider, { key: "ArrowRight" });
    fireEvent.keyDown(divider, { key: "ArrowRight", shiftKey: true });
    expect(divider).toHaveAttribute("aria-valuetext", "61 % A");
    fireEvent.keyDown(divider, { key: "Home" });
    expect(divider).toHaveAttribute("aria-valuenow", "0");
  });

  it("shows the figures of how far the pictures are apart", () => {
    renderInApp(<Views mode="difference" frame={7} a={there(4, 10)} b={there(4, 20)} names={names} />);
    expect(screen.getAllByText("10 of 255")).toHaveLength(2);
    expect(screen.getByText("28.13 dB")).toBeVisible();
    expect(screen.getByText("Pixels that differ").nextSibling).toHaveTextContent("100 %");
  });

  it("says by how much the difference is multiplied", () => {
    renderInApp(<Views mode="difference" frame={7} a={there(4, 10)} b={there(4, 20)} names={names} />);
    const gain = screen.getByRole("slider", { name: strings.player.compare.gain });
    expect(gain).toHaveAttribute("aria-valuetext", strings.player.compare.gainValue(8));
  });

  it("says that the sizes differ, and invents no figures", () => {
    renderInApp(<Views mode="wipe" frame={7} a={there(4, 10)} b={there(8, 10)} names={names} />);
    expect(screen.getByText(/A is 4 × 1, B is 8 × 1/)).toBeVisible();
    expect(screen.queryByText("PSNR")).toBeNull();
  });

  it("says which side has no picture of the frame", () => {
    const { unmount } = renderInApp(
      <Views mode="wipe" frame={7} a={there(4, 10)} b={{ state: "missing" }} names={names} />,
    );
    expect(screen.getByText("B has no picture of frame 7.")).toBeVisible();
    unmount();
    renderInApp(<Views mode="wipe" frame={7} a={{ state: "notInRange" }} b={there(4, 10)} names={names} />);
    expect(screen.getByText("Frame 7 is not in the range of A.")).toBeVisible();
  });

  it("changes over between A and B in blink", () => {
    renderInApp(<Views mode="blink" frame={7} a={there(4, 10)} b={there(4, 20)} names={names} />);
    expect(screen.getByText("A is shown")).toBeVisible();
    fireEvent.click(screen.getByRole("button", { name: "Change over" }));
    expect(screen.getByText("B is shown")).toBeVisible();
  });
});
