// The state of a model as a badge: a word, an icon and a colour, so that no colour carries it alone.
import { Badge } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconFileUnknown, IconLoader2, IconX } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

export type ModelState = Schemas["ModelState"];

const LOOKS: Record<ModelState, { color: string; icon: typeof IconCheck }> = {
  probing: { color: "iris", icon: IconLoader2 },
  ready: { color: "green", icon: IconCheck },
  incomplete: { color: "orange", icon: IconAlertTriangle },
  invalid: { color: "red", icon: IconX },
};

export const MODEL_STATES = Object.keys(LOOKS) as ModelState[];

export function ModelStateBadge({ state }: { state: ModelState }) {
  const { color, icon: Icon } = LOOKS[state] ?? { color: "gray", icon: IconFileUnknown };
  return (
    <Badge color={color} variant="light" autoContrast leftSection={<Icon size={12} aria-hidden />}>
      {strings.models.states[state]}
    </Badge>
  );
}
