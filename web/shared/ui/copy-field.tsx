"use client";
// A value to take along: an id, a link, a key.
import { Button, Group, Text, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { strings } from "@/strings/en";
import { copyText } from "./copy-text";

interface CopyFieldProps {
  label: string;
  value: string;
  description?: string;
}

export function CopyField({ label, value, description }: CopyFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const [outcome, setOutcome] = useState<"copied" | "by-hand" | null>(null);

  async function copy() {
    setOutcome((await copyText(value, field.current)) ? "copied" : "by-hand");
  }

  return (
    <div>
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput
          ref={field}
          label={label}
          description={description}
          value={value}
          readOnly
          onFocus={(focus) => focus.currentTarget.select()}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          flex={1}
          miw={0}
        />
        <Button
          variant="default"
          leftSection={outcome === "copied" ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
          onClick={() => void copy()}
          style={{ flexShrink: 0 }}
        >
          {outcome === "copied" ? strings.ui.copied : strings.ui.copy}
        </Button>
      </Group>
      <Text size="xs" c="dimmed" role="status" mt={4}>
        {outcome === "by-hand" ? strings.ui.copyByHand : ""}
      </Text>
    </div>
  );
}
