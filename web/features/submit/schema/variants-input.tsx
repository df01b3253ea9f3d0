"use client";
// A setting of several kinds, such as a camera path: the kind is chosen, then its own fields show.
import { Fieldset, Select, Stack, Text } from "@mantine/core";
import { isObject } from "./check-value";
import { titleOf, type Field, type JsonObject } from "./field";
import { unsetWords, type FieldInputProps } from "./field-input";
import { FieldGrid } from "./group-input";

export function VariantsInput(props: FieldInputProps<Field & { kind: "variants" }>) {
  const { field, value, onChange, at, errors, known } = props;
  const chosen = isObject(value) ? value : null;
  const variant = field.variants.find((each) => each.value === chosen?.[field.tag]);
  return (
    <Fieldset legend={field.title}>
      <Stack gap="sm">
        <Select
          label={titleOf(field.tag)}
          description={field.description || undefined}
          data={field.variants.map((each) => ({ value: each.value, label: titleOf(each.value) }))}
          value={variant?.value ?? null}
          onChange={(next) => onChange(next === null ? undefined : { [field.tag]: next })}
          placeholder={unsetWords(field)}
          clearable={!field.isRequired}
          error={errors[at]}
        />
        {variant !== undefined && variant.fields.length === 0 && <Text size="sm">{titleOf(variant.value)}</Text>}
        {variant !== undefined && chosen !== null && (
          <FieldGrid
            fields={variant.fields}
            value={chosen}
            onChange={(next: JsonObject) => onChange({ ...next, [field.tag]: variant.value })}
            at={at}
            errors={errors}
            known={known}
          />
        )}
      </Stack>
    </Fieldset>
  );
}
