"use client";
import { Stack, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { InvitationsPanel } from "./invitations-panel";
import { InviteButton } from "./invite-button";
import { MemberTable } from "./member-table";
import { useMembers } from "./use-members";

export function MembersPage() {
  const query = useMembers();
  return (
    <Page title={strings.members.title} actions={<InviteButton />}>
      <Text c="dimmed">{strings.members.words}</Text>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={<Empty icon={<IconUsers aria-hidden />} title={strings.members.none} />}
      >
        {(data) => (
          <Stack>
            <MemberTable members={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <InvitationsPanel />
    </Page>
  );
}
