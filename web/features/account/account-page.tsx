"use client";
import { SimpleGrid, Stack } from "@mantine/core";
import { useMe } from "@/shared/api/me";
import { ShortcutList } from "@/shared/shell/shortcuts";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { BrowserNotices } from "./browser-notices";
import { Identity } from "./identity";
import { Look } from "./look";
import { MailNotices } from "./mail-notices";
import { PasswordPanel } from "./password-panel";
import { SessionsPanel } from "./sessions-panel";

export function AccountPage() {
  const query = useMe();
  return (
    <Page title={strings.account.title}>
      <QueryStates query={query}>
        {(me) => (
          <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
            <Stack gap="lg">
              <Identity me={me} />
              {me.email != null && <PasswordPanel email={me.email} />}
              {me.kind === "account" && <SessionsPanel />}
            </Stack>
            <Stack gap="lg">
              {me.kind === "account" && <MailNotices />}
              <BrowserNotices />
              <Look />
              <Section title={strings.account.shortcuts}>
                <ShortcutList />
              </Section>
            </Stack>
          </SimpleGrid>
        )}
      </QueryStates>
    </Page>
  );
}
