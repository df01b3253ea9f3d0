// The farm in one word, as a badge.
import { Badge } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconX } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

const LOOKS = {
  up: { color: "green", icon: IconCheck },
  degraded: { color: "yellow", icon: IconAlertTriangle },
  down: { color: "red", icon: IconX },
} as const;

export function FarmStateBadge({ state }: { state: Schemas["FarmState"] }) {
  const { color, icon: Icon } = LOOKS[state];
  return (
    <Badge color={color} variant="light" size="lg" leftSection={<Icon size={14} aria-hidden />}>
      {strings.farm.states[state]}
    </Badge>
  );
}
