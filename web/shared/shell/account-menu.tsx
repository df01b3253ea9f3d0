"use client";
// Who one is here, the colour scheme, and the way out.
import { Avatar, Menu, Text, UnstyledButton, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLogout, IconMoon, IconSun, IconUser } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { useMe } from "@/shared/api/me";
import { signOut } from "@/shared/session/session";
import { notifyProblem, notifyWarning } from "@/shared/ui/notify";
import { strings } from "@/strings/en";

const SCHEMES: readonly { scheme: MantineColorScheme; icon: typeof IconSun }[] = [
  { scheme: "light", icon: IconSun },
  { scheme: "dark", icon: IconMoon },
  { scheme: "auto", icon: IconDeviceDesktop },
];

export function AccountMenu() {
  const { data: me } = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu position="bottom-end" width={240} keepMounted={false} withinPortal={false}>
      <Menu.Target>
        <UnstyledButton aria-label={strings.shell.account}>
          <Avatar name={me?.name ?? "?"} color="iris" radius="xl" size={34} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text component="div" size="sm" fw={600} c="var(--mantine-color-text)" truncate>
            {me?.name}
          </Text>
          {me?.email !== undefined && me.email !== null && (
            <Text component="div" size="xs">
              {me.email}
            </Text>
          )}
        </Menu.Label>
        <Menu.Item component={Link} href="/me/" leftSection={<IconUser size={16} aria-hidden />}>
          {strings.shell.pages.me}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{strings.shell.colorScheme}</Menu.Label>
        {SCHEMES.map(({ scheme, icon: Icon }) => (
          <Menu.Item
            key={scheme}
            leftSection={<Icon size={16} aria-hidden />}
            onClick={() => setColorScheme(scheme)}
            aria-current={scheme === colorScheme ? "true" : undefined}
            fw={scheme === colorScheme ? 650 : undefined}
          >
            {strings.shell[scheme]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void leave()}>
          {strings.shell.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

async function leave(): Promise<void> {
  try {
    const { elsewhere, isOwed } = await signOut();
    if (isOwed) notifyWarning(strings.shell.signOutOwed);
    if (elsewhere !== null) location.assign(elsewhere); // else the provider would let the next person in
  } catch (error) {
    notifyProblem(error);
  }
}
