"use client";
// Reads what a page shows anew, for what no event tells of: beats, loops, checks, why a job waits.
import { ActionIcon, Tooltip } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useIsFetching, useQueryClient } from "@tanstack/react-query";
import { strings } from "@/strings/en";

export function ReadAgain() {
  const queries = useQueryClient();
  const busy = useIsFetching() > 0;
  return (
    <Tooltip label={strings.shell.readAgain}>
      <ActionIcon
        size="lg"
        variant="default"
        aria-label={strings.shell.readAgain}
        aria-busy={busy}
        onClick={() => void queries.invalidateQueries()}
      >
        <IconRefresh size={18} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
