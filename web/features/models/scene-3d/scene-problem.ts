// What the viewer's libraries say of a file, in words that help: theirs are those of a programmer.
import { asProblem, Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";

/** Raises `Problem` where the file cannot be read. */
export async function readScene<Scene>(read: () => Promise<Scene> | Scene): Promise<Scene> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, { code: "scene-damaged", ...strings.models.damaged(asProblem(error).message) });
  }
}

export function nothingToSee(): Problem {
  return new Problem(0, { code: "nothing-to-see", ...strings.models.nothingToSee });
}
