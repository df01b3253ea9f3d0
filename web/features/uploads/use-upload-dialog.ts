"use client";
import { useState } from "react";
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { readDrop, readPicked, type Dropped } from "./engine/reading";
import type { DialogState } from "./upload-dialog";

/** The dialog of one page, and what leads to it. */
export function useUploadDialog() {
  const [state, setState] = useState<DialogState>({ is: "closed" });

  async function read(reading: Promise<Dropped>) {
    setState({ is: "reading" });
    try {
      const dropped = await reading;
      if (dropped.files.length === 0) throw new Problem(0, { code: "nothing-read", ...strings.uploads.nothingRead });
      // Whoever has closed the dialog meanwhile does not want it any more.
      setState((now) => (now.is === "reading" ? { is: "read", dropped } : now));
    } catch (error) {
      setState((now) => (now.is === "reading" ? { is: "refused", error } : now));
    }
  }

  return {
    state,
    ask: () => setState({ is: "asking" }),
    close: () => setState({ is: "closed" }),
    drop: (transfer: DataTransfer) => void read(readDrop(transfer)),
    pick: (files: File[]) => void read(readPicked(files)),
  };
}
