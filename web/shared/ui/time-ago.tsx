"use client";
// A time as its distance from now, kept true while it is looked at; the exact time stands in the tooltip.
import { Text, Tooltip, type TextProps } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { useState } from "react";
import { formatAgo, formatTime } from "@/shared/format/format";

const AGAIN_MS = 20_000;

export function TimeAgo({ at, ...text }: { at: string } & TextProps) {
  const [now, setNow] = useState(() => new Date());
  useInterval(() => setNow(new Date()), AGAIN_MS, { autoInvoke: true });
  return (
    <Tooltip label={formatTime(at)}>
      <Text component="time" dateTime={at} size="sm" {...text}>
        {formatAgo(at, now)}
      </Text>
    </Tooltip>
  );
}
