"use client";
// A list of groups, such as keyframes: one can be added, and each taken away.
import { ActionIcon, Button, Fieldset, Group, Paper, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { strings } from "@/strings/en";
import { isObject, placeOf } from "./check-value";
import type { Field, Json } from "./field";
import type { FieldInputProps } from "./field-input";
import { FieldGrid } from "./group-input";

const words = strings.submit.settings;

export function ListInput(props: FieldInputProps<Field & { kind: "list" }>) {
  const { field, value, onChange, at, errors, known } = props;
  const items = Array.isArray(value) ? value : [];
  const fields = field.item.kind === "group" ? field.item.fields : [];
  const isFull = field.most !== undefined && items.length >= field.most;

  function set(next: Json[]) {
    onChange(next.length === 0 && !field.isRequired ? undefined : next);
  }

  return (
    <Fieldset legend={field.title}>
      <Stack gap="xs">
        {field.description !== "" && (
          <Text size="xs" c="dimmed">
            {field.description}
          </Text>
        )}
        {items.map((item, place) => (
          <Paper key={place} withBorder p="sm">
            <Group justify="space-between" mb={4}>
              <Text size="sm" fw={600}>
                {words.item(field.title, place + 1)}
              </Text>
              <ActionIcon
                aria-label={words.removeItem(field.title, place + 1)}
                onClick={() => set(items.filter((_, each) => each !== place))}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            </Group>
            <FieldGrid
              fields={fields}
              value={isObject(item) ? item : {}}
              onChange={(next) => set(items.map((before, each) => (each === place ? next : before)))}
              at={placeOf(at, place)}
              errors={errors}
              known={known}
            />
          </Paper>
        ))}
        {errors[at] !== undefined && (
          <Text size="xs" c="var(--mantine-color-red-light-color)" role="alert">
            {errors[at]}
          </Text>
        )}
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          disabled={isFull}
          onClick={() => set([...items, {}])}
          style={{ alignSelf: "flex-start" }}
        >
          {words.addItem(field.title)}
        </Button>
      </Stack>
    </Fieldset>
  );
}
