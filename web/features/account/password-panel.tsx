"use client";
// Another password; on farms that sign people in elsewhere alone there is none.
import { Button, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { $api } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { fieldErrors } from "@/shared/ui/field-errors";
import { notifyDone } from "@/shared/ui/notify";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { useAccountActions } from "./use-account";

export function PasswordPanel({ email }: { email: string }) {
  const methods = $api.useQuery("get", "/v1/auth/methods");
  if (methods.data?.password !== true) return null;
  return (
    <Section title={strings.account.password}>
      <PasswordForm email={email} />
    </Section>
  );
}

function PasswordForm({ email }: { email: string }) {
  const { changePassword } = useAccountActions();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { old: "", new: "", repeated: "" },
    validate: { repeated: (again, values) => (again === values.new ? null : strings.account.notRepeated) },
  });

  async function change(values: typeof form.values) {
    setBusy(true);
    setProblem(null);
    try {
      await changePassword(email, values.old, values.new);
      form.reset();
      notifyDone(strings.account.passwordChanged);
    } catch (error) {
      const { known, rest } = fieldErrors(asProblem(error), ["old", "new"]);
      form.setErrors(known);
      if (rest) setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={form.onSubmit((values) => void change(values))}>
      <Stack>
        {problem !== null && <ProblemBox error={problem} />}
        <PasswordInput
          label={strings.account.oldPassword}
          autoComplete="current-password"
          required
          {...form.getInputProps("old")}
        />
        <PasswordInput
          label={strings.account.newPassword}
          description={strings.account.newPasswordHint}
          autoComplete="new-password"
          required
          {...form.getInputProps("new")}
        />
        <PasswordInput
          label={strings.account.repeated}
          autoComplete="new-password"
          required
          {...form.getInputProps("repeated")}
        />
        <Button type="submit" loading={isBusy} style={{ alignSelf: "flex-start" }}>
          {strings.account.changePassword}
        </Button>
      </Stack>
    </form>
  );
}
