"use client";
// A secret that the farm shows once: a key, a link, a signing secret. Nothing but the button closes it.
import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { IconEyeOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { strings } from "@/strings/en";
import { CopyField } from "./copy-field";

interface SecretDialogProps {
  title: string;
  label: string;
  /** null: closed. Whoever holds it forgets it in `onClose`. */
  secret: string | null;
  onClose: () => void;
  children?: ReactNode;
}

export function SecretDialog({ title, label, secret, onClose, children }: SecretDialogProps) {
  return (
    <Modal
      opened={secret !== null}
      onClose={onClose}
      title={title}
      size="lg"
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack>
        <Alert color="yellow" variant="light" icon={<IconEyeOff aria-hidden />}>
          {strings.ui.keepItNow}
        </Alert>
        {children}
        <CopyField label={label} value={secret ?? ""} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{strings.ui.kept}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
