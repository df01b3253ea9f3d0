"use client";
// Whether what is shown is kept up to date, in one small word.
import { Badge, Tooltip } from "@mantine/core";
import { IconAntennaBars5, IconAntennaBarsOff, IconLoader } from "@tabler/icons-react";
import { useFeedState } from "@/shared/live/feed-provider";
import { strings } from "@/strings/en";

export function ConnectionBadge() {
  const state = useFeedState();
  if (state === null) return null;
  const isLive = state === "live";
  const isLost = state === "lost" || state === "refused";
  const word = isLive ? strings.shell.live : isLost ? strings.shell.lost : strings.shell.connecting;
  const words = state === "refused" ? strings.shell.refusedWords : isLost ? strings.shell.lostWords : undefined;
  const Icon = isLive ? IconAntennaBars5 : isLost ? IconAntennaBarsOff : IconLoader;
  return (
    <Tooltip label={words ?? strings.shell.liveWords}>
      <Badge
        role="status"
        aria-live="polite"
        data-connection={state}
        variant="light"
        color={isLive ? "green" : isLost ? "red" : "gray"}
        leftSection={<Icon size={12} aria-hidden />}
      >
        {word}
      </Badge>
    </Tooltip>
  );
}
