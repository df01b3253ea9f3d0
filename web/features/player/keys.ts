// What a key does in the player: as in editing programs.

export type KeyAction =
  | { do: "toggle" | "pause" | "in" | "out" | "first" | "last" }
  | { do: "fullScreen" }
  | { do: "shuttle"; direction: 1 | -1 }
  | { do: "step"; by: number };

interface Press {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

const FAR = 10;

/** null: the key is none of the player's. */
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }: Press): KeyAction | null {
  if (ctrlKey || metaKey || altKey) return null;
  switch (key) {
    case " ":
      return { do: "toggle" };
    case "ArrowLeft":
      return { do: "step", by: shiftKey ? -FAR : -1 };
    case "ArrowRight":
      return { do: "step", by: shiftKey ? FAR : 1 };
    case "PageDown":
      return { do: "step", by: FAR };
    case "PageUp":
      return { do: "step", by: -FAR };
    case "Home":
      return { do: "first" };
    case "End":
      return { do: "last" };
  }
  switch (key.toLowerCase()) {
    case "j":
      return { do: "shuttle", direction: -1 };
    case "k":
      return { do: "pause" };
    case "l":
      return { do: "shuttle", direction: 1 };
    case "i":
      return { do: "in" };
    case "o":
      return { do: "out" };
    case "f":
      return { do: "fullScreen" };
    default:
      return null;
  }
}

/** Whether the key belongs to what has the focus: a field that is typed into, a button that Space presses. */
export function isTaken(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("input, textarea, select, [role=listbox], video") !== null)
    return true;
  return key === " " && target.closest("button, a, [role=radio]") !== null;
}
