// Says that a list was cut, where exactly as many came as were asked for.
import { Text } from "@mantine/core";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";

export function OnlyFirst({ shown, most }: { shown: number; most: number }) {
  if (shown < most) return null;
  return (
    <Text size="sm" c="dimmed">
      {strings.farm.onlyFirst(formatNumber(most))}
    </Text>
  );
}
