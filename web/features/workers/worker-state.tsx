// The state of a replica or machine: a word, an icon, a colour, and why somebody put it there.
import { Badge, Stack, Text } from "@mantine/core";
import {
  IconCheck,
  IconLoader,
  IconLogout,
  IconPlayerPause,
  IconPlayerPlay,
  IconQuestionMark,
} from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { formatTime } from "@/shared/format/format";
import { strings } from "@/strings/en";

const LOOKS: Record<string, { color: string; icon: typeof IconCheck }> = {
  starting: { color: "gray", icon: IconLoader },
  up: { color: "green", icon: IconCheck },
  enabled: { color: "green", icon: IconCheck },
  rendering: { color: "iris", icon: IconPlayerPlay },
  draining: { color: "orange", icon: IconLogout },
  disabled: { color: "yellow", icon: IconPlayerPause },
};

/** The word that matters most to an operator. */
export function standingOf(
  replica: Pick<Schemas["ReplicaView"], "state" | "draining" | "disabled" | "current">,
): string {
  if (replica.draining) return "draining";
  if (replica.disabled) return "disabled";
  return replica.state === "up" && replica.current !== null ? "rendering" : replica.state;
}

export function ReplicaState({ replica }: { replica: Schemas["ReplicaView"] }) {
  const standing = standingOf(replica);
  const reason =
    standing === "draining" ? replica.drain_reason : standing === "disabled" ? replica.disabled_reason : null;
  const by =
    standing === "draining" && replica.drain_by ? strings.workers.leavesBy(formatTime(replica.drain_by)) : null;
  return <Standing standing={standing} reason={[reason, by].filter(Boolean).join(", ") || null} />;
}

export function NodeState({ node }: { node: Schemas["NodeView"] }) {
  const standing = node.disabled ? "disabled" : node.draining > 0 ? "draining" : "enabled";
  return <Standing standing={standing} reason={standing === "enabled" ? null : (node.reason ?? null)} />;
}

function Standing({ standing, reason }: { standing: string; reason: string | null }) {
  const { color, icon: Icon } = LOOKS[standing] ?? { color: "gray", icon: IconQuestionMark };
  return (
    <Stack gap={2} align="flex-start">
      <Badge color={color} variant="light" leftSection={<Icon size={12} aria-hidden />}>
        {strings.workers.states[standing] ?? standing}
      </Badge>
      {reason !== null && (
        <Text size="xs" c="dimmed" maw={220} lineClamp={2}>
          {reason}
        </Text>
      )}
    </Stack>
  );
}
