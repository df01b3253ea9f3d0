// How one of the farm's own loops does, as a badge.
import { Badge } from "@mantine/core";
import { IconAlarm, IconCheck, IconX } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

export function LoopState({ loop }: { loop: Schemas["LoopView"] }) {
  const [color, Icon, words] = loop.ok
    ? (["green", IconCheck, strings.farm.loopWell] as const)
    : loop.overdue
      ? (["orange", IconAlarm, strings.farm.loopLate] as const)
      : (["red", IconX, strings.farm.loopFails] as const);
  return (
    <Badge color={color} variant="light" leftSection={<Icon size={12} aria-hidden />}>
      {words}
    </Badge>
  );
}
