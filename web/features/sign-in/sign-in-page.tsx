"use client";
// The door: password, single sign-on, or an API key, as the farm offers them.
import { Alert, Button, Divider, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRouter, useSearchParams } from "next/navigation";
import { useEffect, useState, type ReactNode } from "react";
import { $api } from "@/shared/api/client";
import { signIn, signInByKey } from "@/shared/session/session";
import { useSession } from "@/shared/session/use-session";
import { ProblemBox } from "@/shared/ui/problem-box";
import { QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { Door } from "./door";
import { safeNext } from "./next";
import { beginSingleSignOn } from "./single-sign-on";

export function SignInPage() {
  const query = useSearchParams();
  const router = useRouter();
  const session = useSession();
  const next = safeNext(query.get("next"));
  const why = query.get("why");
  const methods = $api.useQuery("get", "/v1/auth/methods");
  const [wantsKey, setWantsKey] = useState(false);

  useEffect(() => {
    if (session.state === "person" || session.state === "key") router.replace(next);
  }, [session, router, next]);

  return (
    <Door title={strings.signIn.welcome}>
      {why === "expired" && <Alert color="yellow">{strings.signIn.expired}</Alert>}
      {why === "signed-out" && <Alert color="gray">{strings.signIn.signedOut}</Alert>}
      <QueryStates query={methods}>
        {({ password, single_sign_on: provider }) => (
          <Stack>
            {provider !== null && (
              <Button
                variant={password ? "default" : "filled"}
                onClick={() => void beginSingleSignOn(provider.login, next)}
              >
                {strings.signIn.with(provider.name)}
              </Button>
            )}
            {provider !== null && <Divider label={strings.signIn.or} />}
            {password && !wantsKey ? <PasswordForm /> : <KeyForm />}
            {password && (
              <Button variant="subtle" size="xs" onClick={() => setWantsKey(!wantsKey)}>
                {wantsKey ? strings.signIn.byPassword : strings.signIn.byKey}
              </Button>
            )}
          </Stack>
        )}
      </QueryStates>
    </Door>
  );
}

function PasswordForm() {
  const form = useForm({ initialValues: { email: "", password: "" } });
  return (
    <Submission onSubmit={() => signIn(form.values.email.trim(), form.values.password)}>
      <TextInput
        label={strings.signIn.email}
        type="email"
        autoComplete="username"
        required
        {...form.getInputProps("email")}
      />
      <PasswordInput
        label={strings.signIn.password}
        autoComplete="current-password"
        required
        {...form.getInputProps("password")}
      />
    </Submission>
  );
}

function KeyForm() {
  const form = useForm({ initialValues: { key: "" } });
  return (
    <Submission onSubmit={() => signInByKey(form.values.key.trim())}>
      <PasswordInput
        label={strings.signIn.key}
        description={strings.signIn.keyHint}
        autoComplete="off"
        required
        {...form.getInputProps("key")}
      />
    </Submission>
  );
}

interface SubmissionProps {
  onSubmit: () => Promise<void>;
  words?: string;
  children: ReactNode;
}

/** A form that says what did not work, and cannot be sent twice. */
export function Submission({ onSubmit, words = strings.signIn.submit, children }: SubmissionProps) {
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  async function submit() {
    setBusy(true);
    setProblem(null);
    try {
      await onSubmit();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        {problem !== null && <ProblemBox error={problem} />}
        {children}
        <Button type="submit" loading={isBusy}>
          {words}
        </Button>
      </Stack>
    </form>
  );
}
