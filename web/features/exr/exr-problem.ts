// Why a file cannot be shown. The words are the page's (`strings.player.exr.problems`).

export type ExrProblemKind =
  "notExr" | "cutOff" | "header" | "deep" | "compression" | "subsampled" | "tiles" | "large" | "noChannels" | "block";

export class ExrProblem extends Error {
  /** `detail`: the compression, the line of the block, or the size in MB. */
  constructor(
    readonly kind: ExrProblemKind,
    readonly detail: string | number = "",
  ) {
    super(`${kind} ${detail}`);
    this.name = "ExrProblem";
  }
}
