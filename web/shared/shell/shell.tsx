"use client";
// What surrounds every page behind the sign-in: header, navigation, shortcuts, and the live feed.
import { ActionIcon, Anchor, AppShell, Burger, Group, Kbd, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import dynamic from "next/dynamic";
import { Link } from "@/shared/ui/link";
import { useState, type ReactNode } from "react";
import { useMay } from "@/shared/api/me";
import { useProjectOrNone } from "@/shared/api/project";
import { FeedProvider } from "@/shared/live/feed-provider";
import { strings } from "@/strings/en";
import { AccountMenu } from "./account-menu";
import { ConnectionBadge } from "./connection-badge";
import { Navigation } from "./navigation";
import { ProjectSwitcher, useWorkingProject } from "./project-switcher";
import { RightsGate } from "./rights-gate";
import { SessionGate } from "./session-gate";
import { Shortcuts } from "./shortcuts";

const Search = dynamic(() => import("./search").then((module) => module.Search), { ssr: false });

/** For pages behind the sign-in. */
export function Shell({ children }: { children: ReactNode }) {
  return (
    <SessionGate>
      <Feeds>
        <Frame>{children}</Frame>
      </Feeds>
    </SessionGate>
  );
}

/** Pages of a project follow it; pages of the farm follow all of it, where one may. */
function Feeds({ children }: { children: ReactNode }) {
  const project = useProjectOrNone();
  const may = useMay();
  if (project === null && !may("farm:operate")) return children;
  return (
    <FeedProvider key={project ?? ""} project={project}>
      {children}
    </FeedProvider>
  );
}

function Frame({ children }: { children: ReactNode }) {
  const [isOpen, navigation] = useDisclosure(false);
  const [search, setSearch] = useState(0);
  const openSearch = () => setSearch((times) => times + 1);
  const { slug: project } = useWorkingProject();
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "md", collapsed: { mobile: !isOpen } }}
      padding={{ base: "sm", sm: "lg" }}
    >
      <AppShell.Header withBorder>
        <a href="#content" className="skip">
          {strings.shell.skip}
        </a>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={navigation.toggle}
              hiddenFrom="md"
              size="sm"
              aria-label={strings.shell.openNavigation}
            />
            <Anchor component={Link} href="/" underline="never" c="var(--mantine-color-text)" visibleFrom="sm">
              <Text fw={750} size="lg" component="span">
                {strings.shell.product}
              </Text>
            </Anchor>
            <ProjectSwitcher />
          </Group>
          <Group gap="sm" wrap="nowrap">
            <ConnectionBadge />
            <SearchButton onOpen={openSearch} />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={strings.shell.navigation}>
        <Navigation project={project} onGo={navigation.close} />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <RightsGate>{children}</RightsGate>
      </AppShell.Main>
      <Shortcuts project={project} onSearch={openSearch} />
      {search > 0 && <Search project={project} asked={search} />}
    </AppShell>
  );
}

function SearchButton({ onOpen }: { onOpen: () => void }) {
  return (
    <>
      <Tooltip label={strings.shell.search}>
        <ActionIcon hiddenFrom="sm" onClick={onOpen} aria-label={strings.shell.search}>
          <IconSearch size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <UnstyledButton visibleFrom="sm" onClick={onOpen} className="search-button">
        <IconSearch size={14} aria-hidden />
        <Text size="sm" c="dimmed" component="span">
          {strings.shell.search}
        </Text>
        <Kbd size="xs">Ctrl K</Kbd>
      </UnstyledButton>
    </>
  );
}
