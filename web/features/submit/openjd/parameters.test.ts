import { describe, expect, it } from "vitest";
import { parametersIn } from "./parameters";

describe("the parameters of a template", () => {
  it("are a name and a value on each line, which may hold equal signs", () => {
    expect(parametersIn("Frames = 1-48\n\nArgs=a=b\nEmpty=\n")).toEqual({
      values: { Frames: "1-48", Args: "a=b", Empty: "" },
    });
  });

  it.each([
    ["Frames=1\nnothing", 2],
    ["=1", 1],
  ])("name the line of %j that is none", (text, wrongLine) => {
    expect(parametersIn(text)).toEqual({ wrongLine });
  });
});
