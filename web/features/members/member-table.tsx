"use client";
import { Badge, Button, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useMe } from "@/shared/api/me";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { PROJECT_ROLES, RoleChoice } from "@/shared/ui/role-choice";
import { strings } from "@/strings/en";
import { useMember, useMemberActions, type Member } from "./use-members";

export function MemberTable({ members }: { members: readonly Member[] }) {
  const { data: me } = useMe();
  const { remove } = useMemberActions();
  const [changing, setChanging] = useState<Member | null>(null);

  async function takeOut(member: Member) {
    await remove(member.account);
    notifyDone(strings.members.removed(member.name));
  }

  return (
    <>
      <Table.ScrollContainer minWidth={620}>
        <Table aria-label={strings.members.title}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{strings.members.name}</Table.Th>
              <Table.Th>{strings.members.role}</Table.Th>
              <Table.Th>{strings.members.kind}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{strings.members.actions}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {members.map((member) => (
              <Table.Tr key={member.account}>
                <Table.Td>
                  <Group gap="xs">
                    <Text size="sm" fw={600}>
                      {member.name}
                    </Text>
                    {me?.id === member.account && <Badge variant="light">{strings.members.you}</Badge>}
                  </Group>
                  <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                    {member.email}
                  </Text>
                </Table.Td>
                <Table.Td>{strings.access.roles[member.role]}</Table.Td>
                <Table.Td>{strings.members.kinds[member.kind]}</Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={strings.members.changeRoleLabel(member.name)}
                      onClick={() => setChanging(member)}
                    >
                      {strings.members.changeRole}
                    </Button>
                    <ConfirmButton
                      words={strings.members.remove}
                      label={strings.members.removeLabel(member.name)}
                      question={strings.members.removeQuestion(member.name)}
                      consequence={strings.members.removeWords}
                      onConfirm={() => takeOut(member)}
                      variant="light"
                      color="red"
                      size="xs"
                    />
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {changing !== null && <RoleDialog key={changing.account} member={changing} onClose={() => setChanging(null)} />}
    </>
  );
}

function RoleDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const { setRole } = useMemberActions();
  const { data } = useMember(member.account);
  const form = useForm({ initialValues: { role: member.role } });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={strings.members.changeRoleTitle(member.name)}
      form={form}
      words={strings.members.save}
      onSubmit={async ({ role }) => {
        await setRole(member.account, data?.tag ?? null, role);
        notifyDone(strings.members.changed(member.name, strings.access.roles[role]));
      }}
    >
      <Stack>
        <RoleChoice
          label={strings.members.role}
          roles={PROJECT_ROLES}
          value={form.values.role}
          onChange={(role) => form.setFieldValue("role", role)}
        />
        <Text size="sm" c="dimmed">
          {strings.members.endsInvitations}
        </Text>
      </Stack>
    </FormDialog>
  );
}
