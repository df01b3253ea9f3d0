"use client";
// The dialogs that name a bucket, change where it is, and replace its key.
import { PasswordInput, Switch, TextInput } from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { useDestination, useDestinationActions, type Destination } from "./use-destinations";

interface Place {
  name: string;
  bucket: string;
  prefix: string;
  region: string;
  endpoint_url: string;
}

interface Key {
  access_key_id: string;
  secret_access_key: string;
}

const words = strings.destinations;

export function NewDestination({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { create } = useDestinationActions();
  const form = useForm<Place & Key & { is_default: boolean }>({
    initialValues: {
      name: "",
      bucket: "",
      prefix: "",
      region: "us-east-1",
      endpoint_url: "",
      access_key_id: "",
      secret_access_key: "",
      is_default: false,
    },
  });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={words.create}
      form={form}
      words={words.create}
      onSubmit={(values) => create({ ...values, ...placeOf(values) })}
    >
      <PlaceFields form={form as unknown as UseFormReturnType<Place>} />
      <KeyFields form={form as unknown as UseFormReturnType<Key>} />
      <Switch label={words.isDefault} {...form.getInputProps("is_default", { type: "checkbox" })} />
    </FormDialog>
  );
}

interface DestinationDialogProps {
  destination: Destination;
  onClose: () => void;
}

/** Reads it anew, so that what is changed is what it is now. */
export function EditDestination({ destination, onClose }: DestinationDialogProps) {
  const { data } = useDestination(destination.id);
  if (data === undefined) return <Loading />;
  return <EditForm destination={data.value} tag={data.tag} onClose={onClose} />;
}

function EditForm({ destination, tag, onClose }: DestinationDialogProps & { tag: string | null }) {
  const { change } = useDestinationActions();
  const { name, bucket, prefix, region, endpoint_url } = destination;
  const form = useForm<Place>({ initialValues: { name, bucket, prefix, region, endpoint_url: endpoint_url ?? "" } });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={words.editTitle(destination.name)}
      form={form}
      words={words.save}
      onSubmit={async (values) => {
        await change(destination.id, tag, placeOf(values));
        notifyDone(words.saved);
      }}
    >
      <PlaceFields form={form} />
    </FormDialog>
  );
}

export function ReplaceKey({ destination, onClose }: DestinationDialogProps) {
  const { setKey } = useDestinationActions();
  const form = useForm<Key>({ initialValues: { access_key_id: "", secret_access_key: "" } });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={words.changeKeyTitle(destination.name)}
      form={form}
      words={words.changeKey}
      onSubmit={async (key) => {
        await setKey(destination.id, key);
        notifyDone(words.keyChanged);
      }}
    >
      <KeyFields form={form} />
    </FormDialog>
  );
}

function placeOf({ name, bucket, prefix, region, endpoint_url }: Place) {
  return {
    name: name.trim(),
    bucket: bucket.trim(),
    prefix: prefix.trim(),
    region: region.trim(),
    endpoint_url: endpoint_url.trim() === "" ? null : endpoint_url.trim(),
  };
}

function PlaceFields({ form }: { form: UseFormReturnType<Place> }) {
  return (
    <>
      <TextInput
        label={words.name}
        description={words.nameHint}
        required
        data-autofocus
        {...form.getInputProps("name")}
      />
      <TextInput label={words.bucket} description={words.bucketHint} required {...form.getInputProps("bucket")} />
      <TextInput label={words.prefix} description={words.prefixHint} {...form.getInputProps("prefix")} />
      <TextInput label={words.region} description={words.regionHint} required {...form.getInputProps("region")} />
      <TextInput
        type="url"
        label={words.endpoint}
        description={words.endpointHint}
        placeholder="https://"
        {...form.getInputProps("endpoint_url")}
      />
    </>
  );
}

function KeyFields({ form }: { form: UseFormReturnType<Key> }) {
  return (
    <>
      <TextInput label={words.keyId} autoComplete="off" required {...form.getInputProps("access_key_id")} />
      <PasswordInput
        label={words.secret}
        description={words.secretHint}
        autoComplete="off"
        required
        {...form.getInputProps("secret_access_key")}
      />
    </>
  );
}
