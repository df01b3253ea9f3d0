"use client";
// Takes up an invitation: `/accept/#<token>`. The token stands behind the #, so that it reaches no server's log.
import { Alert, PasswordInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { acceptInvitation } from "@/shared/session/session";
import { strings } from "@/strings/en";
import { Door } from "./door";
import { Submission } from "./sign-in-page";

export function AcceptPage() {
  const router = useRouter();
  const [invitation, setInvitation] = useState<string | null>(null);
  const form = useForm({ initialValues: { name: "", password: "" } });

  useEffect(() => {
    const token = location.hash.slice(1); // base64url, which nothing encodes
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the hash is known in the browser alone
    setInvitation(token);
    if (token !== "") history.replaceState(null, "", location.pathname);
  }, []);

  async function accept() {
    const { name, password } = form.values;
    await acceptInvitation(invitation ?? "", password, name.trim() === "" ? null : name.trim());
    router.replace("/");
  }

  return (
    <Door title={strings.signIn.accept}>
      {invitation === "" ? (
        <Alert color="yellow">{strings.signIn.noInvitation}</Alert>
      ) : (
        <>
          <Text size="sm">{strings.signIn.acceptWords}</Text>
          <Submission words={strings.signIn.join} onSubmit={accept}>
            <TextInput
              label={strings.signIn.name}
              description={strings.signIn.nameHint}
              autoComplete="name"
              {...form.getInputProps("name")}
            />
            <PasswordInput
              label={strings.signIn.newPassword}
              description={strings.signIn.passwordHint}
              autoComplete="new-password"
              required
              {...form.getInputProps("password")}
            />
          </Submission>
        </>
      )}
    </Door>
  );
}
