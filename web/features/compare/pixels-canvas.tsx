"use client";
import { useEffect, useRef, type CSSProperties } from "react";
import type { Pixels } from "./difference";

interface PixelsCanvasProps {
  pixels: Pixels;
  label: string;
  style?: CSSProperties;
}

/** Draws pixels as they are, once. */
export function PixelsCanvas({ pixels, label, style }: PixelsCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { width, height, data } = pixels;
    const element = canvas.current;
    if (element === null) return;
    element.width = width;
    element.height = height;
    element.getContext("2d")?.putImageData(new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
  }, [pixels]);
  return <canvas ref={canvas} role="img" aria-label={label} style={style} />;
}
