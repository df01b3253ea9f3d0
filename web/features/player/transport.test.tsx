import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { Providers } from "@/shared/ui/providers";
import { answeringFarm } from "@/tests/answering-farm";
import { Catalogue } from "./catalogue";
import { PlayerEngine } from "./player-engine";
import { Transport } from "./transport";

const SIZE = 10;

afterEach(() => vi.unstubAllGlobals());

function newEngine() {
  return new PlayerEngine<ImageBitmap>({
    size: SIZE,
    catalogue: new Catalogue(async () => [], SIZE),
    decode: (file) => createImageBitmap(file),
    hasPicture: () => false,
    draw: () => undefined,
  });
}

it.each([
  ["Frames per second", "25 fps"],
  ["Speed", "2×"],
])("the list of %s opens inside the player, which is all that full screen shows", async (label, option) => {
  await answeringFarm({});
  const engine = newEngine();
  const view = { isFit: true, onFit: () => undefined, isFullScreen: true, onFullScreen: () => undefined };
  // Not as other tests render: there Mantine has no portals at all.
  render(
    <Providers>
      <div role="region" aria-label="Player">
        <Transport engine={engine} sceneFps={24} {...view}>
          {null}
        </Transport>
      </div>
    </Providers>,
  );
  const player = within(screen.getByRole("region", { name: "Player" }));
  await userEvent.click(player.getByRole("combobox", { name: label }));
  // Without a layout Mantine takes the field for scrolled away, and hides its list.
  expect(await player.findByRole("option", { name: option, hidden: true })).toBeInTheDocument();
  engine.close();
});
