import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { renderInApp } from "@/tests/render";
import { Catalogue } from "./catalogue";
import { PlayerEngine } from "./player-engine";
import { Transport } from "./transport";

const SIZE = 10;

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
  const engine = newEngine();
  const view = { isFit: true, onFit: () => undefined, isFullScreen: true, onFullScreen: () => undefined };
  renderInApp(
    <div role="region" aria-label="Player">
      <Transport engine={engine} sceneFps={24} {...view}>
        {null}
      </Transport>
    </div>,
  );
  const player = within(screen.getByRole("region", { name: "Player" }));
  await userEvent.click(player.getByRole("combobox", { name: label }));
  await userEvent.click(player.getByRole("option", { name: option }));
  expect(player.getByRole("combobox", { name: label })).toHaveValue(option);
  engine.close();
});
