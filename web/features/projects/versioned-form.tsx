"use client";
// A form of one part of a project, on the page itself. It sends what was typed on top of what was seen; where somebody
// was faster the farm refuses (412), and what they made of it is read.
import { Button, Group, Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useState, type ReactNode } from "react";
import { asProblem } from "@/shared/api/problem";
import { fieldErrors } from "@/shared/ui/field-errors";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";

interface VersionedFormProps<Values extends object> {
  form: UseFormReturnType<Values>;
  /** Raises `Problem`. */
  onSave: (values: Values) => Promise<void>;
  done: string;
  children: ReactNode;
}

export function VersionedForm<Values extends object>({ form, onSave, done, children }: VersionedFormProps<Values>) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  async function save(values: Values) {
    setBusy(true);
    setProblem(null);
    try {
      await onSave(values);
      notifyDone(done);
    } catch (error) {
      // The form is made anew of what somebody else has made of it; the words must outlive that.
      if (asProblem(error).status === 412) notifyProblem(error);
      const { known, rest } = fieldErrors(asProblem(error), Object.keys(values));
      form.setErrors(known);
      if (rest) setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={form.onSubmit((values) => void save(values))}>
      <Stack gap="sm">
        {problem !== null && <ProblemBox error={problem} />}
        {children}
        <Group>
          <Button type="submit" loading={isBusy} disabled={!form.isDirty()}>
            {strings.projects.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
