"use client";
// A few numbers that belong together: a point, a direction, a colour.
import { Button, Group, Input, NumberInput } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Field, Json } from "./field";
import { unsetWords, type FieldInputProps } from "./field-input";

export function VectorInput({ field, value, onChange, at, errors }: FieldInputProps<Field & { kind: "vector" }>) {
  const parts = Array.isArray(value) ? value : [];
  const standard = Array.isArray(field.standard) ? field.standard : [];

  function set(place: number, part: Json) {
    const next: Json[] = Array.from({ length: field.length }, (_, each) => parts[each] ?? standard[each] ?? 0);
    next[place] = part;
    onChange(next);
  }

  return (
    <Input.Wrapper
      component="fieldset"
      label={field.title}
      labelElement="div"
      description={field.description || unsetWords(field)}
      error={errors[at]}
      style={{ border: 0, margin: 0, padding: 0 }}
    >
      <Group gap="xs" wrap="nowrap" mt={4}>
        {Array.from({ length: field.length }, (_, place) => (
          <NumberInput
            key={place}
            aria-label={strings.submit.settings.part(field.title, place + 1)}
            value={typeof parts[place] === "number" ? parts[place] : ""}
            placeholder={standard[place] === undefined ? undefined : String(standard[place])}
            onChange={(next) => next !== "" && set(place, next)}
            hideControls
            miw={0}
            flex={1}
          />
        ))}
        {value !== undefined && !field.isRequired && (
          <Button variant="subtle" size="compact-sm" onClick={() => onChange(undefined)}>
            {strings.submit.settings.unset}
          </Button>
        )}
      </Group>
    </Input.Wrapper>
  );
}
