"use client";
// One upload: how far it is, how fast, and what can be done with it.
import { ActionIcon, Anchor, Box, Button, Group, Progress, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconRefresh, IconX } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { formatBytes, formatDuration, formatPercent } from "@/shared/format/format";
import { ConfirmDialog } from "@/shared/ui/confirm-button";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { uploads } from "./engine/page-uploads";
import { hasSent, isUnderWay, progressOf, secondsLeft, type Upload, type UploadState } from "./engine/upload";
import { reopen } from "./reopening";

const COLORS: Partial<Record<UploadState, string>> = {
  ready: "green",
  incomplete: "orange",
  invalid: "red",
  failed: "red",
  paused: "gray",
  interrupted: "gray",
};

export function UploadRow({ upload }: { upload: Upload }) {
  const progress = upload.state === "ready" ? 1 : progressOf(upload);
  const isBusy = isUnderWay(upload);
  const isUnknown = isBusy && (progress === null || upload.state === "registering" || upload.state === "probing");
  return (
    <Box px="sm" py="xs" style={{ borderTop: "1px solid var(--mantine-color-default-border)" }}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" fw={600} truncate title={upload.name}>
          {upload.name}
        </Text>
        <Controls upload={upload} />
      </Group>
      <Progress
        value={isUnknown ? 100 : (progress ?? 0) * 100}
        animated={isUnknown}
        striped={isUnknown}
        color={COLORS[upload.state]}
        size="sm"
        my={4}
        aria-label={`${upload.name}: ${strings.uploads.states[upload.state]}`}
      />
      <Text size="xs" c="dimmed">
        {wordsOf(upload)}
      </Text>
      {upload.problem !== null && (
        <Text size="xs" mt={4} role={upload.state === "failed" ? "alert" : undefined}>
          {upload.problem.message} {upload.problem.remedy}
        </Text>
      )}
      {upload.state === "interrupted" && (
        <Text size="xs" mt={4}>
          {strings.uploads.interruptedWords} {upload.canReopen ? "" : strings.uploads.dropAgain(upload.folder)}
        </Text>
      )}
      <Results upload={upload} />
    </Box>
  );
}

/** `Sending · 12 MiB of 1.2 GiB · 14 MiB/s · 1 min 24 s left`. */
function wordsOf(upload: Upload): string {
  const words = [strings.uploads.states[upload.state]];
  const isSending = upload.state === "sending" || upload.state === "paused" || upload.state === "failed";
  if (upload.state === "hashing") {
    words.push(strings.uploads.ofBytes(formatBytes(upload.hashedBytes), formatBytes(upload.bytes)));
  } else if (isSending && upload.lackingBytes !== null) {
    words.push(
      upload.lackingBytes === 0
        ? strings.uploads.allKnown
        : strings.uploads.ofBytes(formatBytes(upload.sentBytes), formatBytes(upload.lackingBytes)),
    );
    const progress = progressOf(upload);
    if (progress !== null && upload.lackingBytes > 0) words.push(formatPercent(progress));
  } else if (upload.state === "interrupted") {
    words.push(strings.uploads.contents(upload.files, formatBytes(upload.bytes)));
  }
  if (upload.state === "sending" && upload.bytesPerSecond !== null) {
    words.push(strings.uploads.speed(formatBytes(Math.round(upload.bytesPerSecond))));
    const left = secondsLeft(upload);
    if (left !== null) words.push(strings.uploads.left(formatDuration(Math.ceil(left))));
  }
  return words.join(" · ");
}

function Controls({ upload }: { upload: Upload }) {
  const { id, state } = upload;
  const isOver = state === "ready" || state === "incomplete" || state === "invalid";
  const [isAsking, ask] = useDisclosure(false);

  function cancel() {
    uploads.cancel(id);
    notifyDone(strings.uploads.canceled(upload.name));
  }

  return (
    <Group gap={2} wrap="nowrap">
      {(state === "hashing" || state === "sending") && (
        <Control label={strings.uploads.pause} icon={IconPlayerPause} onClick={() => uploads.pause(id)} />
      )}
      {state === "paused" && (
        <Control label={strings.uploads.resume} icon={IconPlayerPlay} onClick={() => uploads.resume(id)} />
      )}
      {state === "interrupted" && upload.canReopen && (
        <Control label={strings.uploads.resume} icon={IconPlayerPlay} onClick={() => void reopen(upload)} />
      )}
      {state === "failed" && (
        <Control label={strings.uploads.tryAgain} icon={IconRefresh} onClick={() => uploads.resume(id)} />
      )}
      {isOver ? (
        <Control label={strings.uploads.dismiss} icon={IconX} onClick={() => uploads.dismiss(id)} />
      ) : (
        <Control label={strings.uploads.cancel} icon={IconX} onClick={hasSent(upload) ? ask.open : cancel} />
      )}
      <ConfirmDialog
        isOpen={isAsking && !isOver}
        words={strings.uploads.cancel}
        question={strings.uploads.cancelQuestion(upload.name)}
        consequence={strings.uploads.cancelWords}
        onConfirm={async () => cancel()}
        onClose={ask.close}
      />
    </Group>
  );
}

function Control({ label, icon: Icon, onClick }: { label: string; icon: typeof IconX; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon size="sm" onClick={onClick} aria-label={label}>
        <Icon size={16} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}

function Results({ upload: { model, project, state } }: { upload: Upload }) {
  if (model === null) return null;
  const base = `/projects/${encodeURIComponent(project)}`;
  return (
    <Group gap="sm" mt={6}>
      <Anchor component={Link} href={`${base}/models/${model.id}/`} size="sm">
        {strings.uploads.open}
      </Anchor>
      {state === "ready" && (
        <Button component={Link} href={`${base}/jobs/new/?model=${model.id}`} size="compact-sm">
          {strings.uploads.render}
        </Button>
      )}
    </Group>
  );
}
