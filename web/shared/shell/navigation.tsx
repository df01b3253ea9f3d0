"use client";
// The list of pages that one may see, by section.
import { NavLink, ScrollArea, Stack, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { usePathname } from "next/navigation";
import { useMay } from "@/shared/api/me";
import { strings } from "@/strings/en";
import { addressOf, pageAt, PAGES, type PageEntry } from "./pages";

const SECTIONS = Object.keys(strings.shell.sections) as (keyof typeof strings.shell.sections)[];

export function Navigation({ project, onGo }: { project: string | null; onGo: () => void }) {
  const may = useMay();
  const path = usePathname() ?? "";
  const here = pageAt(path, project);
  return (
    <ScrollArea type="auto">
      <Stack gap="md">
        {SECTIONS.map((section) => {
          const pages = PAGES.filter((page) => page.section === section && may(page.needs));
          const shown = pages.filter((page) => addressOf(page, project) !== null);
          if (shown.length === 0) return null;
          return (
            <div key={section}>
              <Text size="xs" fw={700} c="dimmed" px="sm" pb={4} tt="uppercase">
                {strings.shell.sections[section]}
              </Text>
              {shown.map((page) => (
                <Entry key={page.name} page={page} project={project} isHere={page === here} onGo={onGo} />
              ))}
            </div>
          );
        })}
      </Stack>
    </ScrollArea>
  );
}

interface EntryProps {
  page: PageEntry;
  project: string | null;
  isHere: boolean;
  onGo: () => void;
}

function Entry({ page, project, isHere, onGo }: EntryProps) {
  const Icon = page.icon;
  return (
    <NavLink
      component={Link}
      href={addressOf(page, project) ?? "/"}
      label={strings.shell.pages[page.name]}
      leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
      active={isHere}
      aria-current={isHere ? "page" : undefined}
      onClick={onGo}
      style={{ borderRadius: "var(--mantine-radius-md)" }}
    />
  );
}
