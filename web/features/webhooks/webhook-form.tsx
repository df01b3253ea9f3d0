"use client";
// The dialogs that make a webhook, and change one.
import { MultiSelect, Select, TextInput } from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { FORMATS, kindsFor, type EventKind, type WebhookFormat } from "./event-kinds";
import { useWebhookActions, type Webhook } from "./use-webhooks";

interface Values {
  format: WebhookFormat;
  description: string;
  url: string;
  kinds: EventKind[];
}

interface NewWebhookProps {
  isOpen: boolean;
  onClose: () => void;
  onSecret: (secret: string) => void;
}

export function NewWebhook({ isOpen, onClose, onSecret }: NewWebhookProps) {
  const { create } = useWebhookActions();
  const form = useForm<Values>({ initialValues: { format: "standard", description: "", url: "", kinds: [] } });

  async function submit({ url, description, ...values }: Values) {
    const secret = await create({ ...values, url: url.trim(), description: description.trim(), enabled: true });
    if (secret !== null) onSecret(secret);
  }

  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={strings.webhooks.create}
      form={form}
      words={strings.webhooks.create}
      onSubmit={submit}
    >
      <Select
        label={strings.webhooks.format}
        data={FORMATS.map((format) => ({ value: format, label: strings.webhooks.formats[format] }))}
        allowDeselect={false}
        data-autofocus
        value={form.values.format}
        onChange={(chosen) => {
          const format = (chosen ?? "standard") as WebhookFormat;
          form.setFieldValue("format", format);
          form.setFieldValue("kinds", (kinds) => kinds.filter((kind) => kindsFor(format).includes(kind)));
        }}
        error={form.errors.format}
      />
      <WebhookFields form={form} isNew />
    </FormDialog>
  );
}

interface EditWebhookProps {
  webhook: Webhook;
  tag: string | null;
  isOpen: boolean;
  onClose: () => void;
}

export function EditWebhook({ webhook, tag, isOpen, onClose }: EditWebhookProps) {
  const { change } = useWebhookActions();
  const isChat = webhook.format !== "standard";
  const form = useForm<Values>({
    initialValues: {
      format: webhook.format,
      description: webhook.description,
      url: isChat ? "" : webhook.url,
      kinds: webhook.kinds as EventKind[],
    },
  });

  async function submit({ url, description, kinds }: Values) {
    const address = url.trim();
    await change(webhook.id, tag, {
      description: description.trim(),
      kinds,
      ...(address !== "" && address !== webhook.url && { url: address }),
    });
    notifyDone(strings.webhooks.saved);
  }

  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={strings.webhooks.editTitle}
      form={form}
      words={strings.webhooks.save}
      onSubmit={submit}
    >
      <WebhookFields form={form} isNew={false} />
    </FormDialog>
  );
}

function WebhookFields({ form, isNew }: { form: UseFormReturnType<Values>; isNew: boolean }) {
  const { format, kinds } = form.values;
  const isChat = format !== "standard";
  const hint = isChat ? strings.webhooks.chatUrlHint : strings.webhooks.urlHint;
  return (
    <>
      <TextInput
        label={strings.webhooks.description}
        description={strings.webhooks.descriptionHint}
        {...form.getInputProps("description")}
      />
      <TextInput
        type="url"
        label={strings.webhooks.url}
        description={isNew || !isChat ? hint : strings.webhooks.keepUrl}
        placeholder="https://"
        required={isNew || !isChat}
        {...form.getInputProps("url")}
      />
      <MultiSelect
        label={strings.webhooks.kindsField}
        description={strings.webhooks.kindsHint}
        placeholder={kinds.length === 0 ? strings.webhooks.everything : undefined}
        data={kindsFor(format).map((kind) => ({ value: kind, label: strings.webhooks.kinds[kind] }))}
        searchable
        hidePickedOptions
        {...form.getInputProps("kinds")}
      />
    </>
  );
}
