"use client";
// Invitations to run the farm that are open, and new ones, whose link is shown once.
import { Button, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { hasNoItems, itemsOf, paged } from "@/shared/api/paging";
import { useRefresh } from "@/shared/api/refresh";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { FARM_ROLES, RoleChoice, type FarmRole } from "@/shared/ui/role-choice";
import { SecretDialog } from "@/shared/ui/secret-dialog";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { invitationLink } from "./invitation-link";

const WORDS = strings.people;
const PATH = "/v1/farm/invitations";
type Invitation = Schemas["InvitationView"];

export function FarmInvitations() {
  const query = $api.useInfiniteQuery("get", PATH, { params: { query: { limit: 100 } }, paged: true }, paged);
  const [isInviting, inviting] = useDisclosure(false);
  const [made, setMade] = useState<Schemas["NewInvitation"] | null>(null);
  return (
    <Section
      title={WORDS.invitations}
      words={WORDS.invitationsWords}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={inviting.open}>
          {WORDS.invite} …
        </Button>
      }
    >
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Text size="sm" c="dimmed">
            {WORDS.noInvitations}
          </Text>
        }
      >
        {(data) => (
          <Stack>
            <InvitationTable invitations={itemsOf<Invitation>(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <InviteDialog isOpen={isInviting} onClose={inviting.close} onMade={setMade} />
      <SecretDialog
        title={WORDS.invited(made?.email ?? "")}
        label={WORDS.link}
        secret={made === null ? null : invitationLink(location.origin, made.token)}
        onClose={() => setMade(null)}
      >
        <Text size="sm">{WORDS.linkWords(made?.email ?? "")}</Text>
      </SecretDialog>
    </Section>
  );
}

interface InviteDialogProps {
  isOpen: boolean;
  onClose: () => void;
  onMade: (invitation: Schemas["NewInvitation"]) => void;
}

function InviteDialog({ isOpen, onClose, onMade }: InviteDialogProps) {
  const refresh = useRefresh();
  const form = useForm<{ email: string; role: FarmRole }>({ initialValues: { email: "", role: "operator" } });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={WORDS.inviteTitle}
      words={WORDS.invite}
      form={form}
      onSubmit={async ({ email, role }) => {
        const { data } = await api.POST(PATH, { body: { email: email.trim(), role } });
        if (data !== undefined) onMade(data);
        await refresh(PATH);
      }}
    >
      <TextInput
        type="email"
        label={WORDS.email}
        description={WORDS.emailHint}
        required
        {...form.getInputProps("email")}
      />
      <RoleChoice
        label={WORDS.role}
        roles={FARM_ROLES}
        value={form.values.role}
        onChange={(role) => form.setFieldValue("role", role)}
      />
    </FormDialog>
  );
}

function InvitationTable({ invitations }: { invitations: readonly Invitation[] }) {
  const refresh = useRefresh();
  const columns = WORDS.columns;

  async function revoke({ id, email }: Invitation) {
    await api.DELETE("/v1/farm/invitations/{invitation_id}", { params: { path: { invitation_id: id } } });
    notifyDone(WORDS.revoked(email));
    await refresh(PATH);
  }

  return (
    <Table.ScrollContainer minWidth={640}>
      <Table aria-label={WORDS.invitations}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.email}</Table.Th>
            <Table.Th>{columns.role}</Table.Th>
            <Table.Th>{columns.invitedBy}</Table.Th>
            <Table.Th>{columns.expires}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{WORDS.revoke}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {invitations.map((invitation) => (
            <Table.Tr key={invitation.id}>
              <Table.Th scope="row">{invitation.email}</Table.Th>
              <Table.Td>{strings.access.roles[invitation.role as FarmRole]}</Table.Td>
              <Table.Td>{invitation.invited_by}</Table.Td>
              <Table.Td>
                <TimeAgo at={invitation.expires_at} />
              </Table.Td>
              <Table.Td ta="right">
                <ConfirmButton
                  size="xs"
                  variant="subtle"
                  color="red"
                  words={WORDS.revoke}
                  label={WORDS.revokeOf(invitation.email)}
                  question={`${WORDS.revokeOf(invitation.email)}?`}
                  consequence={WORDS.revokeWords}
                  onConfirm={() => revoke(invitation)}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
