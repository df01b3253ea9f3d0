"use client";
import type { ButtonProps } from "@mantine/core";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { strings } from "@/strings/en";
import type { JobDetail } from "./job-context";
import { allows, useJobCommands } from "./use-job-commands";

interface CancelButtonProps extends Omit<ButtonProps, "children"> {
  job: JobDetail;
  words: string;
}

/** Ends the job, after a question; gone where its state does not allow it. */
export function CancelButton({ job, words, ...button }: CancelButtonProps) {
  const { order } = useJobCommands(job);
  if (!allows(job, "cancel")) return null;
  return (
    <ConfirmButton
      variant="light"
      color="red"
      {...button}
      words={words}
      question={strings.job.actions.cancelQuestion}
      consequence={strings.job.actions.cancelWords}
      onConfirm={() => order("cancel")}
    />
  );
}
