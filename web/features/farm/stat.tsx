// One number of the farm, large enough to be read across a room.
import { Paper, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

interface StatProps {
  label: string;
  value: ReactNode;
  hint?: string;
  /** Something is wrong; the hint says what. */
  bad?: boolean;
}

export function Stat({ label, value, hint, bad = false }: StatProps) {
  return (
    <Paper
      withBorder
      p="md"
      component="dl"
      m={0}
      style={bad ? { borderColor: "var(--mantine-color-red-6)" } : undefined}
    >
      <Stack gap={2}>
        <Text component="dt" size="sm" c="dimmed">
          {label}
        </Text>
        <Text component="dd" m={0} fz={26} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }}>
          {value}
        </Text>
        {hint !== undefined && (
          <Text component="dd" m={0} size="xs" c={bad ? "var(--mantine-color-error)" : "dimmed"}>
            {hint}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
