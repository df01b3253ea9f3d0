"use client";
// Who may use the farm: accounts, and invitations to run it.
import { Anchor, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import { Page } from "@/shared/ui/page";
import { strings } from "@/strings/en";
import { AccountsPanel } from "./accounts-panel";
import { FarmInvitations } from "./farm-invitations";

export function PeoplePage() {
  return (
    <Page title={strings.people.title}>
      <AccountsPanel />
      <FarmInvitations />
      <Text size="sm">
        <Anchor component={Link} href="/farm/keys/">
          {strings.people.services}
        </Anchor>
      </Text>
    </Page>
  );
}
