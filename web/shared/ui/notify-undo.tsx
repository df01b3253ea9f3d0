// A notice of what was done, with a button that takes it back.
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

const LONG_ENOUGH_MS = 15_000;

export function notifyUndo(message: string, label: string, undo: () => void): void {
  const id = notifications.show({
    color: "green",
    autoClose: LONG_ENOUGH_MS,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          {label}
        </Button>
      </Group>
    ),
  });
}
