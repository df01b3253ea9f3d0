"use client";
// Keys of the list: j and k (or arrows, from within it) go to the next and last job, x selects, / searches. They move
// the focus from link to link, so Enter opens as it does anywhere.
import { useEffect, useRef, type RefObject } from "react";

interface ListKeys {
  list: RefObject<HTMLElement | null>;
  search: RefObject<HTMLInputElement | null>;
  onSelect: (id: string) => void;
  onEscape: () => void;
}

export function useListKeys(keys: ListKeys): void {
  const newest = useRef(keys);
  useEffect(() => {
    newest.current = keys;
  });
  useEffect(() => {
    const onKey = (press: KeyboardEvent) => handle(press, newest.current);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function handle(press: KeyboardEvent, { list, search, onSelect, onEscape }: ListKeys): void {
  if (press.ctrlKey || press.metaKey || press.altKey || press.defaultPrevented || isElsewhere(press.target)) return;
  const root = list.current;
  const isInside = root !== null && press.target instanceof Node && root.contains(press.target);
  switch (press.key) {
    case "/":
      press.preventDefault();
      search.current?.focus();
      return;
    case "j":
      return move(root, 1, press);
    case "k":
      return move(root, -1, press);
    case "ArrowDown":
      return isInside ? move(root, 1, press) : undefined;
    case "ArrowUp":
      return isInside ? move(root, -1, press) : undefined;
    case "x": {
      const id = rowOf(document.activeElement)?.dataset.job;
      if (id !== undefined) onSelect(id);
      return;
    }
    case "Escape":
      if (isInside) onEscape();
  }
}

function move(root: HTMLElement | null, by: 1 | -1, press: KeyboardEvent): void {
  const links = [...(root?.querySelectorAll<HTMLElement>("[data-job-link]") ?? [])];
  if (links.length === 0) return;
  press.preventDefault();
  const row = rowOf(document.activeElement);
  const at = row === null ? -1 : links.findIndex((link) => row.contains(link));
  const next = at === -1 ? (by === 1 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next]?.focus();
}

function rowOf(element: Element | null): HTMLElement | null {
  return element?.closest<HTMLElement>("[data-job]") ?? null;
}

/** Somebody types, or is in a menu or dialog that has keys of its own. */
function isElsewhere(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isTyping = target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
  const isInput = target instanceof HTMLInputElement && target.type !== "checkbox";
  return isTyping || isInput || target.closest('[role="menu"], [role="dialog"], [role="listbox"]') !== null;
}
