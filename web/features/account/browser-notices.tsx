"use client";
// Whether this browser may show notices; asked by a button, never by itself.
import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

type State = keyof typeof strings.account.browserStates;

export function BrowserNotices() {
  const [state, setState] = useState<State>(() =>
    "Notification" in globalThis ? Notification.permission : "unsupported",
  );
  return (
    <Section title={strings.account.browser} words={strings.account.browserWords}>
      <Text size="sm" role="status">
        {strings.account.browserStates[state]}
      </Text>
      {state === "default" && (
        <Button
          variant="default"
          onClick={() => void Notification.requestPermission().then(setState)}
          style={{ alignSelf: "flex-start" }}
        >
          {strings.account.allow}
        </Button>
      )}
    </Section>
  );
}
