"use client";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { useAccountActions } from "./use-account";

export function SessionsPanel() {
  const { endSessions } = useAccountActions();
  return (
    <Section title={strings.account.sessions} words={strings.account.sessionsWords}>
      <ConfirmButton
        words={strings.account.endSessions}
        question={strings.account.endSessionsQuestion}
        consequence={strings.account.endSessionsWords}
        onConfirm={endSessions}
        variant="light"
        color="red"
        style={{ alignSelf: "flex-start" }}
      />
    </Section>
  );
}
