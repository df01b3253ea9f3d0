// Goes on with an upload of before a reload: the browser is asked for its files again, and nobody drops anything.
import { Problem } from "@/shared/api/problem";
import { notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { uploads } from "./engine/page-uploads";
import { readHandles } from "./engine/reading";
import type { Upload } from "./engine/upload";

type Grantable = FileSystemHandle & { requestPermission?: (of: { mode: "read" }) => Promise<PermissionState> };

/** Must be called by a click: only then may a browser ask whoever sits there. */
export async function reopen(upload: Upload): Promise<void> {
  try {
    const handles = uploads.handlesOf(upload.id);
    for (const handle of handles as Grantable[]) {
      const answer = await handle.requestPermission?.({ mode: "read" });
      if (answer !== "granted") throw new Problem(0, { code: "not-given", ...strings.uploads.notGiven });
    }
    const { project, name, main } = upload;
    const { files, name: folder } = await readHandles(handles);
    uploads.start({ project, name, folder, main, files, handles });
  } catch (error) {
    notifyProblem(error);
  }
}
