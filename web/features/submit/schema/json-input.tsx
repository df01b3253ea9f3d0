"use client";
// A setting that has no control of its own: as JSON. Text that is none stays as text, which the check refuses.
import { Textarea } from "@mantine/core";
import { useState } from "react";
import { strings } from "@/strings/en";
import type { Field, Json } from "./field";
import { unsetWords, type FieldInputProps } from "./field-input";

export function JsonInput({ field, value, onChange, at, errors }: FieldInputProps<Field & { kind: "json" }>) {
  const [typed, setTyped] = useState({ text: textOf(value), value });
  // Another value than the one that was typed comes from a preset or a clone.
  const text = typed.value === value ? typed.text : textOf(value);
  return (
    <Textarea
      label={field.title}
      description={[field.description, strings.submit.settings.json].filter(Boolean).join(" ")}
      placeholder={unsetWords(field)}
      value={text}
      onChange={({ currentTarget }) => {
        const next = parsed(currentTarget.value);
        setTyped({ text: currentTarget.value, value: next });
        onChange(next);
      }}
      error={errors[at]}
      autosize
      minRows={2}
      maxRows={14}
      spellCheck={false}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
    />
  );
}

function textOf(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function parsed(text: string): Json | undefined {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
