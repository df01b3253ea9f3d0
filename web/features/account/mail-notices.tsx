"use client";
// Of what one is written by e-mail; each choice is saved as it is made.
import { Alert, Checkbox, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { useAccountActions, useNotices, type MailKind } from "./use-account";

const KINDS = Object.keys(strings.account.noticeNames) as MailKind[];

export function MailNotices() {
  const query = useNotices();
  const { changeNotices } = useAccountActions();
  const [isBusy, setBusy] = useState(false);

  async function choose(tag: string | null, kinds: MailKind[]) {
    setBusy(true);
    try {
      await changeNotices(tag, kinds);
      notifyDone(strings.account.saved);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section title={strings.account.notices}>
      <QueryStates query={query}>
        {({ value, tag }) => (
          <Stack gap="sm">
            <Text size="sm" c="dimmed">
              {strings.account.noticesTo(value.address)}
            </Text>
            {!value.available && <Alert color="yellow">{strings.account.noMail}</Alert>}
            {value.error !== null && <Alert color="red">{strings.account.mailError(value.error)}</Alert>}
            {KINDS.map((kind) => (
              <Checkbox
                key={kind}
                label={strings.account.noticeNames[kind]}
                checked={value.email.includes(kind)}
                disabled={isBusy}
                onChange={({ currentTarget }) => {
                  const others = value.email.filter((each) => each !== kind);
                  void choose(tag, currentTarget.checked ? [...others, kind] : others);
                }}
              />
            ))}
          </Stack>
        )}
      </QueryStates>
    </Section>
  );
}
