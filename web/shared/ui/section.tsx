// A part of a page under a heading of its own.
import { Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useId, type ReactNode } from "react";

interface SectionProps {
  title: string;
  words?: ReactNode;
  badge?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Section({ title, words, badge, actions, children }: SectionProps) {
  const heading = useId();
  return (
    <Paper withBorder p={{ base: "sm", sm: "md" }} component="section" aria-labelledby={heading}>
      <Stack gap="md">
        <Group justify="space-between" align="flex-start" gap="sm">
          <Stack gap={2} flex={1} miw={160}>
            <Group gap="xs">
              <Title order={2} size="h4" id={heading}>
                {title}
              </Title>
              {badge}
            </Group>
            {words !== undefined && (
              <Text size="sm" c="dimmed" maw={640}>
                {words}
              </Text>
            )}
          </Stack>
          {actions !== undefined && <Group gap="xs">{actions}</Group>}
        </Group>
        {children}
      </Stack>
    </Paper>
  );
}
