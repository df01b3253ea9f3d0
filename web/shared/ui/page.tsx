"use client";
// The frame of a page's content: its title (also the browser's), what it is part of, and what can be done on it.
import { Anchor, Breadcrumbs, Group, Stack, Title } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { useEffect, type ReactNode } from "react";
import { strings } from "@/strings/en";

interface PageProps {
  title: string;
  /** Above this page, outermost first. */
  path?: readonly { title: string; href: string }[];
  badge?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, path = [], badge, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · ${strings.shell.product}`;
  }, [title]);
  return (
    <Stack gap="lg">
      <Stack gap={4}>
        {path.length > 0 && (
          <Breadcrumbs aria-label={strings.shell.breadcrumbs} component="nav">
            {path.map((part) => (
              <Anchor key={part.href} component={Link} href={part.href} size="sm">
                {part.title}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="center" gap="sm">
          <Group gap="sm">
            <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>
              {title}
            </Title>
            {badge}
          </Group>
          <Group gap="xs">{actions}</Group>
        </Group>
      </Stack>
      {children}
    </Stack>
  );
}
