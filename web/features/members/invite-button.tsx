"use client";
import { Button, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { FormDialog } from "@/shared/ui/form-dialog";
import { PROJECT_ROLES, RoleChoice, type ProjectRole } from "@/shared/ui/role-choice";
import { SecretDialog } from "@/shared/ui/secret-dialog";
import { strings } from "@/strings/en";
import { invitationLink, useMemberActions, type NewInvitation } from "./use-members";

export function InviteButton() {
  const { invite } = useMemberActions();
  const [isOpen, dialog] = useDisclosure(false);
  const [made, setMade] = useState<NewInvitation | null>(null);
  const form = useForm<{ email: string; role: ProjectRole }>({ initialValues: { email: "", role: "artist" } });
  return (
    <>
      <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={dialog.open}>
        {strings.members.invite}
      </Button>
      <FormDialog
        isOpen={isOpen}
        onClose={dialog.close}
        title={strings.members.inviteTitle}
        form={form}
        words={strings.members.invite}
        onSubmit={async ({ email, role }) => setMade(await invite(email.trim(), role))}
      >
        <TextInput
          type="email"
          label={strings.members.email}
          description={strings.members.emailHint}
          autoComplete="off"
          required
          data-autofocus
          {...form.getInputProps("email")}
        />
        <RoleChoice
          label={strings.members.role}
          roles={PROJECT_ROLES}
          value={form.values.role}
          onChange={(role) => form.setFieldValue("role", role)}
        />
      </FormDialog>
      <SecretDialog
        title={strings.members.linkTitle(made?.email ?? "")}
        label={strings.members.link}
        secret={made === null ? null : invitationLink(made.token, window.location.origin)}
        onClose={() => setMade(null)}
      >
        <Text size="sm">{strings.members.linkWords}</Text>
      </SecretDialog>
    </>
  );
}
