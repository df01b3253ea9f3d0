"use client";
import { Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useInvitations, useMemberActions, type Invitation } from "./use-members";

export function InvitationsPanel() {
  const query = useInvitations();
  return (
    <Section title={strings.members.invitations} words={strings.members.invitationsWords}>
      <QueryStates query={query} isEmpty={hasNoItems} empty={<Text size="sm">{strings.members.noInvitation}</Text>}>
        {(data) => (
          <Stack>
            <InvitationTable invitations={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}

function InvitationTable({ invitations }: { invitations: readonly Invitation[] }) {
  const { revoke } = useMemberActions();

  async function end(invitation: Invitation) {
    await revoke(invitation.id);
    notifyDone(strings.members.revoked(invitation.email));
  }

  return (
    <Table.ScrollContainer minWidth={560}>
      <Table aria-label={strings.members.invitations}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.members.email}</Table.Th>
            <Table.Th>{strings.members.role}</Table.Th>
            <Table.Th>{strings.members.invitedBy}</Table.Th>
            <Table.Th>{strings.members.expires}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{strings.members.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {invitations.map((invitation) => (
            <Table.Tr key={invitation.id}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{invitation.email}</Table.Td>
              <Table.Td>{roleName(invitation.role)}</Table.Td>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{invitation.invited_by}</Table.Td>
              <Table.Td>
                <TimeAgo at={invitation.expires_at} />
              </Table.Td>
              <Table.Td ta="right">
                <ConfirmButton
                  words={strings.members.revoke}
                  label={strings.members.revokeLabel(invitation.email)}
                  question={strings.members.revokeQuestion(invitation.email)}
                  consequence={strings.members.revokeWords}
                  onConfirm={() => end(invitation)}
                  variant="light"
                  color="red"
                  size="xs"
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** The API gives the role of an invitation as a plain word. */
function roleName(role: string): string {
  return (strings.access.roles as Record<string, string>)[role] ?? role;
}
