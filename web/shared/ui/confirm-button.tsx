"use client";
// A button whose action is asked about first. What fails is said in the dialog, which then stays.
import { Button, Group, Modal, Stack, Text, type ButtonProps } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState, type ReactNode } from "react";
import { strings } from "@/strings/en";
import { ProblemBox } from "./problem-box";

interface ConfirmButtonProps extends Omit<ButtonProps, "children"> {
  /** On the button, and on the one that confirms. */
  words: string;
  /** What a screen reader hears in a list of equal buttons; it begins with `words`. */
  label?: string;
  question: string;
  /** What will happen, and whether it can be taken back. */
  consequence: ReactNode;
  onConfirm: () => Promise<void>;
}

export function ConfirmButton({ words, label, question, consequence, onConfirm, ...button }: ConfirmButtonProps) {
  const [isOpen, dialog] = useDisclosure(false);
  return (
    <>
      <Button {...button} aria-label={label} onClick={dialog.open}>
        {words}
      </Button>
      <ConfirmDialog
        isOpen={isOpen}
        words={words}
        question={question}
        consequence={consequence}
        color={button.color ?? "red"}
        onConfirm={onConfirm}
        onClose={dialog.close}
      />
    </>
  );
}

interface ConfirmDialogProps {
  isOpen: boolean;
  words: string;
  question: string;
  consequence: ReactNode;
  color?: ButtonProps["color"];
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** The dialog alone, for actions that are begun from a menu. */
export function ConfirmDialog({ isOpen, words, question, consequence, color, onConfirm, onClose }: ConfirmDialogProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  function close() {
    setProblem(null);
    onClose();
  }

  async function confirm() {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      close();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal opened={isOpen} onClose={close} title={question} closeButtonProps={{ "aria-label": strings.shell.close }}>
      <Stack>
        <Text size="sm" component="div">
          {consequence}
        </Text>
        {problem !== null && <ProblemBox error={problem} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            {strings.shell.cancel}
          </Button>
          <Button color={color ?? "red"} loading={isBusy} onClick={() => void confirm()}>
            {words}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
