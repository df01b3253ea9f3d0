"use client";
// What about the job needs to be known or decided: a decision of a person, why it waits, what goes wrong.
import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconClock, IconEye, IconHandStop, IconHourglass } from "@tabler/icons-react";
import { useMay } from "@/shared/api/me";
import { formatTime } from "@/shared/format/format";
import { ReadAgain } from "@/shared/ui/read-again";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { CancelButton } from "./cancel-button";
import type { JobDetail } from "./job-context";
import { useJobCommands } from "./use-job-commands";

/** Orange on light orange has too little contrast for words. */
const READABLE = { title: { color: "var(--mantine-color-text)" } };

const words = strings.job.header;

export function JobNotices({ job }: { job: JobDetail }) {
  const address = useAddress();
  const see = (state: string) => address.set({ tab: null, state });
  return (
    <>
      {job.state === "awaiting_approval" && <Approval job={job} />}
      {job.wait != null && job.state !== "awaiting_approval" && (
        <Alert variant="light" color="gray" icon={<IconHourglass aria-hidden />} title={words.waits}>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">{job.wait.words}</Text>
            <ReadAgain />
          </Group>
        </Alert>
      )}
      {job.state === "failed" && (
        <Alert variant="light" color="red" icon={<IconAlertTriangle aria-hidden />} title={words.failedTitle}>
          <Group justify="space-between">
            <Text size="sm">{job.message}</Text>
            {job.counts.failed > 0 && <SeeButton words={words.seeLog} onClick={() => see("failed")} />}
          </Group>
        </Alert>
      )}
      {job.state === "canceled" && job.message != null && (
        <Alert variant="light" color="gray" icon={<IconClock aria-hidden />} title={words.canceledTitle}>
          <Text size="sm">{job.message}</Text>
        </Alert>
      )}
      {job.retried != null && (
        <Alert
          variant="light"
          color="orange"
          styles={READABLE}
          icon={<IconAlertTriangle aria-hidden />}
          title={words.retriedTitle(job.retried.tries)}
        >
          <Text size="sm">{words.retriedWords}</Text>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {strings.job.endReasons[job.retried.reason]}: {job.retried.message}
          </Text>
        </Alert>
      )}
      {job.suspects > 0 && (
        <Alert
          variant="light"
          color="orange"
          styles={READABLE}
          icon={<IconEye aria-hidden />}
          title={words.suspects(job.suspects)}
        >
          <Group justify="space-between">
            <Text size="sm">{words.suspectsWords}</Text>
            <SeeButton words={words.seeSuspects} onClick={() => see("suspect")} />
          </Group>
        </Alert>
      )}
      {job.outputs_expired_at != null && (
        <Alert variant="light" color="gray" icon={<IconClock aria-hidden />} title={words.expired}>
          <Text size="sm">{words.expiredWords(formatTime(job.outputs_expired_at))}</Text>
        </Alert>
      )}
    </>
  );
}

function SeeButton({ words: label, onClick }: { words: string; onClick: () => void }) {
  return (
    <Button size="compact-sm" variant="default" onClick={onClick}>
      {label}
    </Button>
  );
}

function Approval({ job }: { job: JobDetail }) {
  const may = useMay();
  const { run, running } = useJobCommands(job);
  const { approval } = strings.job;
  return (
    <Alert variant="light" color="orange" styles={READABLE} icon={<IconHandStop aria-hidden />} title={approval.title}>
      <Group justify="space-between">
        <Text size="sm">{approval.words(job.approval ?? 0)}</Text>
        {may("project:render") && (
          <Group gap="xs">
            <CancelButton job={job} words={approval.reject} size="compact-md" variant="default" />
            <Button size="compact-md" loading={running === "approve"} onClick={() => void run("approve")}>
              {approval.approve}
            </Button>
          </Group>
        )}
      </Group>
    </Alert>
  );
}
