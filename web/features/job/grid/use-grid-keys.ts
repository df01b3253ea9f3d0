"use client";
// The keyboard on the frame grid: arrows move, with shift they select, Enter opens, space picks, Ctrl+A takes all.
import { useRef, type KeyboardEvent } from "react";
import type { FrameSelection } from "../frame-selection";
import { between, moved, type Geometry } from "./geometry";

export interface GridKeys {
  geometry: Geometry;
  active: number;
  ordinalAt: (index: number) => number;
  selection: FrameSelection;
  onActive: (index: number) => void;
  onOpen: (index: number) => void;
  onEscape: () => void;
}

export function useGridKeys(options: GridKeys): (event: KeyboardEvent<HTMLElement>) => void {
  const { geometry, active, ordinalAt, selection, onActive, onOpen, onEscape } = options;
  /** Where the stretch began that shift selects. */
  const anchor = useRef<number | null>(null);

  return (event) => {
    if (geometry.count === 0 || event.altKey) return;
    const isControl = event.ctrlKey || event.metaKey;
    const pageRows = Math.max(1, Math.floor(event.currentTarget.clientHeight / (geometry.cell + geometry.gap)) - 1);
    const next = moved(geometry, event.key, active, pageRows, isControl);
    if (next !== null) {
      if (event.shiftKey) {
        anchor.current ??= active;
        selection.replace(between(anchor.current, next).map(ordinalAt));
      } else anchor.current = null;
      onActive(next);
    } else if (event.key === "Enter") onOpen(active);
    else if (event.key === " ") {
      selection.toggle(ordinalAt(active));
      anchor.current = active;
    } else if (event.key === "a" && isControl) selection.replace(everything(geometry.count, ordinalAt));
    else if (event.key === "Escape") {
      selection.clear();
      anchor.current = null;
      onEscape();
    } else return;
    event.preventDefault();
  };
}

function* everything(count: number, ordinalAt: (index: number) => number): Iterable<number> {
  for (let index = 0; index < count; index += 1) yield ordinalAt(index);
}
