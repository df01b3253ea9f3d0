import { fireEvent, screen } from "@testing-library/react";
import { useState } from "react";
import { expect, it } from "vitest";
import { renderInApp } from "@/tests/render";
import { strings } from "@/strings/en";
import { ExrControls } from "./exr-controls";
import type { LayerView } from "./exr-session";
import type { ShadeSettings } from "./exr-shade";

const layer: LayerView = {
  id: "0//R",
  name: "",
  channels: ["R", "G", "B"],
  isDepth: false,
  compression: "ZIP",
  width: 4,
  height: 4,
};
const range = { near: 0, far: 1 };

function Controls() {
  const [settings, setSettings] = useState<ShadeSettings>({
    view: "srgb",
    exposure: 0,
    gamma: 2.2,
    channel: null,
    ...range,
  });
  return (
    <ExrControls
      layers={[layer]}
      layer={layer}
      onLayer={() => undefined}
      settings={settings}
      range={range}
      onSettings={(change) => setSettings({ ...settings, ...change })}
    />
  );
}

it("the exposure is said in stops", () => {
  renderInApp(<Controls />);
  const exposure = screen.getByRole("slider", { name: strings.player.exr.exposure });
  expect(exposure).toHaveAttribute("aria-valuetext", "0 EV");
  fireEvent.keyDown(exposure, { key: "ArrowRight" });
  expect(exposure).toHaveAttribute("aria-valuetext", "+0.25 EV");
});
