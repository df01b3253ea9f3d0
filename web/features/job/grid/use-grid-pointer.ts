"use client";
// Mouse and touch on the frame grid: a click opens, Ctrl or ⌘ picks, shift takes a stretch, a drag too; resting shows
// a card. A finger scrolls and taps.
import { useEffect, useRef, useState, type PointerEvent, type RefObject } from "react";
import type { FrameSelection } from "../frame-selection";
import { between, indexAt, type Geometry } from "./geometry";

const CARD_AFTER_MS = 150;

export interface GridPointer {
  geometry: Geometry;
  scroller: RefObject<HTMLElement | null>;
  active: number;
  ordinalAt: (index: number) => number;
  selection: FrameSelection;
  onActive: (index: number) => void;
  onOpen: (index: number) => void;
}

export interface Hovered {
  index: number;
  /** How far the grid was scrolled then. */
  scrolled: number;
}

export function useGridPointer(options: GridPointer) {
  const { geometry, scroller, active, ordinalAt, selection, onActive, onOpen } = options;
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const rest = useRef<ReturnType<typeof setTimeout> | null>(null);
  const pressed = useRef<{ index: number; isDrag: boolean; isTouch: boolean } | null>(null);

  useEffect(() => () => clearTimeout(rest.current ?? undefined), []);

  const at = (event: PointerEvent<HTMLElement>): number | null => {
    const view = scroller.current;
    if (view === null) return null;
    const box = view.getBoundingClientRect();
    return indexAt(geometry, event.clientX - box.left, event.clientY - box.top + view.scrollTop);
  };
  const restOn = (index: number | null) => {
    clearTimeout(rest.current ?? undefined);
    if (index === null) {
      setHovered(null);
      return;
    }
    const hover = () => setHovered({ index, scrolled: scroller.current?.scrollTop ?? 0 });
    if (hovered === null) rest.current = setTimeout(hover, CARD_AFTER_MS);
    else if (hovered.index !== index) hover();
  };

  return {
    hovered,
    setHovered,
    handlers: {
      onPointerDown(event: PointerEvent<HTMLElement>) {
        const index = at(event);
        if (index === null || event.button !== 0) return;
        pressed.current = { index, isDrag: false, isTouch: event.pointerType === "touch" };
      },
      onPointerMove(event: PointerEvent<HTMLElement>) {
        const index = at(event);
        const press = pressed.current;
        if (press === null || press.isTouch || (event.buttons & 1) === 0) {
          if (event.pointerType !== "touch") restOn(index);
          return;
        }
        if (index === null || (!press.isDrag && index === press.index)) return;
        if (!press.isDrag) event.currentTarget.setPointerCapture(event.pointerId);
        press.isDrag = true;
        restOn(null);
        selection.replace(between(press.index, index).map(ordinalAt));
        onActive(index);
      },
      onPointerUp(event: PointerEvent<HTMLElement>) {
        const press = pressed.current;
        pressed.current = null;
        const index = at(event);
        if (press === null || press.isDrag || index !== press.index) return;
        if (event.shiftKey) selection.replace(between(active, index).map(ordinalAt));
        else if (event.ctrlKey || event.metaKey) selection.toggle(ordinalAt(index));
        else onOpen(index);
        onActive(index);
      },
      onPointerCancel() {
        pressed.current = null;
      },
      onPointerLeave() {
        restOn(null);
      },
    },
  };
}
