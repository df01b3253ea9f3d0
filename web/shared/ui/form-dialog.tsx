"use client";
// A form in a dialog. What was typed goes only by Cancel or the cross, not by a click that missed or by Escape. What
// the farm refuses stands at its field, and else above the form.
import { Button, Group, Modal, Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useState, type ReactNode } from "react";
import { asProblem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { fieldErrors } from "./field-errors";
import { ProblemBox } from "./problem-box";

interface FormDialogProps<Values extends object> {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  form: UseFormReturnType<Values>;
  /** On the button that sends it. */
  words: string;
  /** Raises `Problem`; the dialog closes when it has not. */
  onSubmit: (values: Values) => Promise<void>;
  size?: string;
  children: ReactNode;
}

export function FormDialog<Values extends object>(props: FormDialogProps<Values>) {
  const { isOpen, onClose, title, form, words, onSubmit, size, children } = props;
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  function close() {
    setProblem(null);
    form.reset();
    onClose();
  }

  async function submit(values: Values) {
    setBusy(true);
    setProblem(null);
    try {
      await onSubmit(values);
      close();
    } catch (error) {
      const { known, rest } = fieldErrors(asProblem(error), Object.keys(values));
      form.setErrors(known);
      if (rest) setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  const mayClose = !form.isDirty() && !isBusy;
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={title}
      size={size}
      closeOnClickOutside={mayClose}
      closeOnEscape={mayClose}
      closeButtonProps={{ "aria-label": strings.shell.close }}
    >
      <form onSubmit={form.onSubmit((values) => void submit(values))} noValidate={false}>
        <Stack>
          {problem !== null && <ProblemBox error={problem} />}
          {children}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {strings.shell.cancel}
            </Button>
            <Button type="submit" loading={isBusy}>
              {words}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
