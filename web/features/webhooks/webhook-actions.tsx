"use client";
import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconSend } from "@tabler/icons-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useProject } from "@/shared/api/project";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { SigningSecret } from "./signing-secret";
import { nameOf, useWebhookActions, type Webhook } from "./use-webhooks";
import { EditWebhook } from "./webhook-form";

export function WebhookActions({ webhook, tag }: { webhook: Webhook; tag: string | null }) {
  const router = useRouter();
  const project = useProject();
  const { change, rotate, remove } = useWebhookActions();
  const [isEditing, editing] = useDisclosure(false);
  const [secret, setSecret] = useState<string | null>(null);

  async function setEnabled(enabled: boolean) {
    await change(webhook.id, tag, { enabled });
    notifyDone(enabled ? strings.webhooks.enabledAgain : strings.webhooks.disabled);
  }

  async function end() {
    await remove(webhook.id, tag);
    notifyDone(strings.webhooks.deleted);
    router.push(`/projects/${encodeURIComponent(project)}/webhooks/`);
  }

  return (
    <>
      {webhook.enabled && <TestButton id={webhook.id} />}
      <Button variant="default" onClick={editing.open}>
        {strings.webhooks.edit}
      </Button>
      {webhook.format === "standard" && (
        <ConfirmButton
          words={strings.webhooks.rotate}
          question={strings.webhooks.rotateQuestion}
          consequence={strings.webhooks.rotateWords}
          onConfirm={async () => setSecret(await rotate(webhook.id))}
          variant="default"
          color="iris"
        />
      )}
      {webhook.enabled ? (
        <ConfirmButton
          words={strings.webhooks.disable}
          question={strings.webhooks.disableQuestion}
          consequence={strings.webhooks.disableWords}
          onConfirm={() => setEnabled(false)}
          variant="default"
          color="iris"
        />
      ) : (
        <Button onClick={() => void setEnabled(true).catch(notifyProblem)}>{strings.webhooks.enable}</Button>
      )}
      <ConfirmButton
        words={strings.webhooks.delete}
        question={strings.webhooks.deleteQuestion(nameOf(webhook))}
        consequence={strings.webhooks.deleteWords}
        onConfirm={end}
        variant="light"
        color="red"
      />
      {isEditing && <EditWebhook webhook={webhook} tag={tag} isOpen onClose={editing.close} />}
      <SigningSecret secret={secret} onClose={() => setSecret(null)} />
    </>
  );
}

function TestButton({ id }: { id: string }) {
  const { test } = useWebhookActions();
  const [isBusy, setBusy] = useState(false);

  async function send() {
    setBusy(true);
    try {
      await test(id);
      notifyDone(strings.webhooks.tested);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button leftSection={<IconSend size={16} aria-hidden />} loading={isBusy} onClick={() => void send()}>
      {strings.webhooks.test}
    </Button>
  );
}
