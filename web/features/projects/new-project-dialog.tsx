"use client";
import { NumberInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRouter } from "next/navigation";
import { api } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";

const WORDS = strings.projects;

export function NewProjectDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const router = useRouter();
  const refresh = useRefresh();
  const form = useForm<{ name: string; slug: string; weight: number | string }>({
    initialValues: { name: "", slug: "", weight: 100 },
  });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={WORDS.create}
      words={WORDS.create}
      form={form}
      onSubmit={async ({ name, slug, weight }) => {
        await api.POST("/v1/projects", { body: { name: name.trim(), slug: slug.trim(), weight: Number(weight) } });
        notifyDone(WORDS.created(name.trim()));
        await refresh("/v1/projects");
        router.push(`/farm/projects/${encodeURIComponent(slug.trim())}/`);
      }}
    >
      <TextInput label={WORDS.name} required data-autofocus {...form.getInputProps("name")} />
      <TextInput label={WORDS.slug} description={WORDS.slugHint} required {...form.getInputProps("slug")} />
      <NumberInput
        label={WORDS.weight}
        description={WORDS.weightHint}
        required
        min={1}
        allowDecimal={false}
        {...form.getInputProps("weight")}
      />
    </FormDialog>
  );
}
