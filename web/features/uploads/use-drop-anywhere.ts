"use client";
// Files dropped anywhere on the page, not on one small field of it.
import { useEffect, useEffectEvent, useState } from "react";

/** Whether something is held over the page; `onDrop` gets it while the event is handled. */
export function useDropAnywhere(onDrop: (transfer: DataTransfer) => void, isOn = true): boolean {
  const [isOver, setOver] = useState(false);
  const take = useEffectEvent(onDrop);

  useEffect(() => {
    if (!isOn) return;
    let depth = 0; // of elements that were entered and not left
    const listening = new AbortController();
    const on = (type: "dragenter" | "dragleave" | "dragover" | "drop", handle: (moved: DragEvent) => void) =>
      window.addEventListener(
        type,
        (moved) => {
          if (!hasFiles(moved)) return;
          moved.preventDefault();
          handle(moved);
        },
        { signal: listening.signal },
      );
    on("dragenter", () => setOver((depth += 1) > 0));
    on("dragleave", () => setOver((depth -= 1) > 0));
    on("dragover", (moved) => {
      if (moved.dataTransfer !== null) moved.dataTransfer.dropEffect = "copy";
    });
    on("drop", (moved) => {
      depth = 0;
      setOver(false);
      if (moved.dataTransfer !== null) take(moved.dataTransfer);
    });
    return () => listening.abort();
  }, [isOn]);

  return isOver && isOn;
}

function hasFiles(moved: DragEvent): boolean {
  return moved.dataTransfer?.types.includes("Files") ?? false;
}
