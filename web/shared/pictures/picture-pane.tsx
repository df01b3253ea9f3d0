"use client";
// A box that a picture is looked at in: the wheel zooms, dragging moves, so do keys.
import { useMergedRef } from "@mantine/hooks";
import { useEffect, useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import type { ViewControl } from "./use-view";
import type { Point } from "./view";

const WHEEL = 0.0015;

interface PicturePaneProps {
  control: ViewControl;
  /** One of the panes tells the view how large they all are. */
  isMeasured?: boolean;
  label: string;
  className?: string;
  /** Where the pointer is, in the box; null: it has left. */
  onPoint?: (at: Point | null) => void;
  onKeyDown?: (event: KeyboardEvent<HTMLDivElement>) => void;
  children: ReactNode;
}

export function PicturePane({ control, isMeasured = true, label, className, onPoint, ...rest }: PicturePaneProps) {
  const element = useRef<HTMLDivElement>(null);
  const last = useRef<Point>({ x: 0, y: 0 });
  const newest = useRef(control);
  useEffect(() => {
    newest.current = control;
  });

  useEffect(() => {
    const box = element.current;
    function onWheel(event: WheelEvent) {
      event.preventDefault(); // else the page scrolls: React's own listener is not allowed to say so
      newest.current.zoom(Math.exp(-event.deltaY * WHEEL), pointIn(box!, event));
    }
    box?.addEventListener("wheel", onWheel, { passive: false });
    return () => box?.removeEventListener("wheel", onWheel);
  }, []);

  return (
    <div
      ref={useMergedRef(element, isMeasured ? control.measure : null)}
      role="group"
      tabIndex={0}
      aria-label={label}
      className={className}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        last.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerMove={(event) => {
        onPoint?.(pointIn(event.currentTarget, event));
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        control.move(event.clientX - last.current.x, event.clientY - last.current.y);
        last.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerLeave={() => onPoint?.(null)}
      onKeyDown={(event) => {
        if (event.target === event.currentTarget && control.onKey(event)) event.preventDefault();
        else rest.onKeyDown?.(event);
      }}
    >
      {rest.children}
    </div>
  );
}

function pointIn(box: HTMLElement, { clientX, clientY }: PointerEvent | MouseEvent): Point {
  const edge = box.getBoundingClientRect();
  return { x: clientX - edge.left, y: clientY - edge.top };
}
