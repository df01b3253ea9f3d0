// The state of a job as a badge: a word, an icon and a colour, so that no colour carries it alone.
import { Badge } from "@mantine/core";
import {
  IconBan,
  IconCheck,
  IconClock,
  IconFlagCheck,
  IconHandStop,
  IconLink,
  IconPlayerPause,
  IconPlayerPlay,
  IconX,
} from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

type JobState = Schemas["JobState"];

const LOOKS: Record<JobState, { color: string; icon: typeof IconClock }> = {
  queued: { color: "gray", icon: IconClock },
  blocked: { color: "gray", icon: IconLink },
  running: { color: "iris", icon: IconPlayerPlay },
  finishing: { color: "iris", icon: IconFlagCheck },
  awaiting_approval: { color: "orange", icon: IconHandStop },
  paused: { color: "yellow", icon: IconPlayerPause },
  canceling: { color: "gray", icon: IconBan },
  succeeded: { color: "green", icon: IconCheck },
  failed: { color: "red", icon: IconX },
  canceled: { color: "gray", icon: IconBan },
};

export function JobStateBadge({ state }: { state: JobState }) {
  const { color, icon: Icon } = LOOKS[state];
  return (
    <Badge color={color} variant="light" autoContrast leftSection={<Icon size={12} aria-hidden />}>
      {strings.jobStates[state]}
    </Badge>
  );
}
