"use client";
// Adds a step behind the frames: which one, of which frames, and its own settings.
import { Checkbox, NumberInput, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { UseFormReturnType } from "@mantine/form";
import { api } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";
import { FIRST_STEP, STEP_KINDS, stepOf, type StepValues } from "./step-values";

const words = strings.job.steps;

export function StepDialog({ job, onClose }: { job: JobDetail; onClose: () => void }) {
  const params = useJobParams(job.id);
  const refresh = useRefresh();
  const form = useForm<StepValues>({ initialValues: FIRST_STEP });

  async function submit(values: StepValues) {
    await api.POST("/v1/jobs/{job_id}/steps", { params, body: stepOf(values) });
    notifyDone(words.added);
    await refresh("/v1/jobs/{job_id}/steps");
  }

  return (
    <FormDialog isOpen onClose={onClose} title={words.add} form={form} words={words.add} onSubmit={submit} size="md">
      <Select
        label={words.step}
        description={words.kindWords[form.values.step]}
        data={STEP_KINDS.map((value) => ({ value, label: words.kinds[value] }))}
        allowDeselect={false}
        data-autofocus
        {...form.getInputProps("step")}
      />
      <TextInput label={words.frames} description={words.framesWords} {...form.getInputProps("frames")} />
      <OwnFields form={form} />
    </FormDialog>
  );
}

function OwnFields({ form }: { form: UseFormReturnType<StepValues> }) {
  switch (form.values.step) {
    case "denoise":
      return (
        <>
          <Choice form={form} field="quality" label={words.quality} of={words.qualities} />
          <Choice form={form} field="guides" label={words.guides} of={words.guidesOf} />
        </>
      );
    case "upscale":
      return (
        <>
          <Choice form={form} field="factor" label={words.factor} of={{ "2": "2 ×", "3": "3 ×", "4": "4 ×" }} />
          <Choice form={form} field="method" label={words.method} of={words.methods} />
        </>
      );
    case "tonemap":
      return (
        <>
          <NumberInput label={words.exposure} min={-20} max={20} step={0.5} {...form.getInputProps("exposure")} />
          <Choice form={form} field="curve" label={words.curve} of={words.curves} />
        </>
      );
    case "contact_sheet":
      return (
        <>
          <NumberInput
            label={words.columns}
            description={words.columnsWords}
            min={1}
            max={50}
            allowDecimal={false}
            {...form.getInputProps("columns")}
          />
          <NumberInput
            label={words.cellWidth}
            min={32}
            max={1024}
            allowDecimal={false}
            {...form.getInputProps("cell_width")}
          />
          <Checkbox label={words.labels} {...form.getInputProps("labels", { type: "checkbox" })} />
        </>
      );
    case "compare":
      return (
        <>
          <TextInput label={words.withJob} description={words.withJobWords} {...form.getInputProps("with_job")} />
          <NumberInput
            label={words.withFrame}
            description={words.withFrameWords}
            allowDecimal={false}
            {...form.getInputProps("with_frame")}
          />
        </>
      );
    case "video":
      return (
        <>
          <Choice form={form} field="codec" label={words.codec} of={words.codecs} />
          <NumberInput
            label={words.fps}
            description={words.fpsWords}
            min={0.01}
            max={240}
            {...form.getInputProps("fps")}
          />
          <Choice form={form} field="audio" label={words.audio} of={words.audios} />
        </>
      );
  }
}

interface ChoiceProps {
  form: UseFormReturnType<StepValues>;
  field: keyof StepValues;
  label: string;
  of: Readonly<Record<string, string>>;
}

function Choice({ form, field, label, of: choices }: ChoiceProps) {
  return (
    <Select
      label={label}
      allowDeselect={false}
      data={Object.entries(choices).map(([value, text]) => ({ value, label: text }))}
      {...form.getInputProps(field)}
    />
  );
}
