// Values of a template's parameters, one a line: `Frames=1-48`.
export type Parameters = { values: Record<string, string> } | { wrongLine: number };

export function parametersIn(text: string): Parameters {
  const values: Record<string, string> = {};
  for (const [place, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    const name = line.slice(0, Math.max(at, 0)).trim();
    if (name === "") return { wrongLine: place + 1 };
    values[name] = line.slice(at + 1).trim();
  }
  return { values };
}
