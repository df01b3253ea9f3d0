// A part of the form under its heading.
import { Paper, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

export function FormSection({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Stack gap="md">
        <div style={{ display: "flex", justifyContent: "space-between", alignItems: "center", gap: 12 }}>
          <Title order={2} size="h4">
            {title}
          </Title>
          {aside}
        </div>
        {children}
      </Stack>
    </Paper>
  );
}

/** What each part of the form is given. */
export interface PartProps<Values> {
  draft: Values;
  change: (part: Partial<Values>) => void;
  /** By place in the specification. */
  errors: Readonly<Record<string, string>>;
}
