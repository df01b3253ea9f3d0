"use client";
// Settings inside of a setting. One that may be left out is switched on first.
import { Fieldset, SimpleGrid, Switch, Text } from "@mantine/core";
import { isObject, placeOf, type Errors } from "./check-value";
import type { Field, JsonObject } from "./field";
import { FieldInput, type FieldInputProps } from "./field-input";

export function GroupInput(props: FieldInputProps<Field & { kind: "group" }>) {
  const { field, value, onChange, at, errors, known } = props;
  const isOptional = field.isNullable || !field.isRequired;
  const isOn = isObject(value);
  return (
    <Fieldset
      legend={
        isOptional ? (
          <Switch
            label={field.title}
            checked={isOn}
            onChange={({ currentTarget }) => onChange(currentTarget.checked ? {} : undefined)}
          />
        ) : (
          field.title
        )
      }
    >
      {field.description !== "" && (
        <Text size="xs" c="dimmed" mb="xs">
          {field.description}
        </Text>
      )}
      {(isOn || !isOptional) && (
        <FieldGrid
          fields={field.fields}
          value={isObject(value) ? value : {}}
          onChange={onChange}
          at={at}
          errors={errors}
          known={known}
        />
      )}
      {errors[at] !== undefined && (
        <Text size="xs" c="var(--mantine-color-red-light-color)" role="alert">
          {errors[at]}
        </Text>
      )}
    </Fieldset>
  );
}

interface FieldGridProps {
  fields: readonly Field[];
  value: JsonObject;
  onChange: (value: JsonObject) => void;
  at: string;
  errors: Errors;
  known: FieldInputProps["known"];
}

/** Fields beside each other; those that need room stand alone. */
export function FieldGrid({ fields, value, onChange, at, errors, known }: FieldGridProps) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
      {fields.map((field) => (
        <div key={field.name} style={isWide(field) ? { gridColumn: "1 / -1" } : undefined}>
          <FieldInput
            field={field}
            value={value[field.name]}
            onChange={(next) => {
              const others = Object.entries(value).filter(([name]) => name !== field.name);
              onChange(Object.fromEntries(next === undefined ? others : [...others, [field.name, next]]));
            }}
            at={placeOf(at, field.name)}
            errors={errors}
            known={known}
          />
        </div>
      ))}
    </SimpleGrid>
  );
}

function isWide(field: Field): boolean {
  return ["group", "list", "variants", "json"].includes(field.kind) || (field.kind === "text" && field.isLong);
}
