"use client";
// Changes what may be changed of a job that exists. Nobody's change is written over unseen: the farm refuses one that
// began with an older job, and then the form is filled anew.
import { Alert, Group, NumberInput, Select, Stack, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { api } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { changesOf, valuesOf, type ChangeValues } from "./change-values";
import { useJobParams, type JobDetail } from "./job-context";
import { useTakeJob } from "./use-job";

const CHANGED_MEANWHILE = 412;

const words = strings.job.change;

export function ChangeDialog({ job, onClose }: { job: JobDetail; onClose: () => void }) {
  const params = useJobParams(job.id);
  const take = useTakeJob(job.id);
  const form = useForm<ChangeValues>({ initialValues: valuesOf(job) });
  const [isStale, setStale] = useState(false);
  /** What the form began with, and the tag of the job then. */
  const began = useRef<{ values: ChangeValues; tag: string | null }>({ values: valuesOf(job), tag: null });

  async function begin(): Promise<void> {
    const { data, response } = await api.GET("/v1/jobs/{job_id}", { params });
    const values = valuesOf(data!);
    began.current = { values, tag: response.headers.get("etag") };
    form.setInitialValues(values);
    form.setValues(values);
  }

  useEffect(() => {
    void begin().catch(() => undefined); // then the farm is asked without a condition, and its problem is shown
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when it opens
  }, []);

  async function submit(values: ChangeValues) {
    const { values: before, tag } = began.current;
    const changes = changesOf(before, values);
    if (Object.keys(changes).length === 0) {
      notifyDone(words.nothing);
      return;
    }
    const header = { ...params.header, ...(tag === null ? {} : { "if-match": tag }) };
    try {
      const { data } = await api.PATCH("/v1/jobs/{job_id}", { params: { ...params, header }, body: changes as never });
      take(data!);
      notifyDone(words.saved);
    } catch (error) {
      if (asProblem(error).status === CHANGED_MEANWHILE) {
        setStale(true);
        await begin();
      }
      throw error;
    }
  }

  return (
    <FormDialog isOpen onClose={onClose} title={words.title} form={form} words={words.save} onSubmit={submit} size="lg">
      {isStale && (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />} title={words.stale}>
          {words.staleWords}
        </Alert>
      )}
      <Group grow align="flex-start">
        <Select
          label={words.priority}
          allowDeselect={false}
          data={Object.entries(words.priorities).map(([value, label]) => ({ value, label }))}
          {...form.getInputProps("priority")}
        />
        <NumberInput
          label={words.weight}
          description={words.weightWords}
          min={1}
          max={1000}
          allowDecimal={false}
          required
          {...form.getInputProps("weight")}
        />
      </Group>
      <NumberInput
        label={words.maxReplicas}
        description={words.maxReplicasWords}
        min={1}
        allowDecimal={false}
        {...form.getInputProps("max_replicas")}
      />
      <Stack gap="sm">
        <TextInput
          type="datetime-local"
          label={words.startBefore}
          description={words.startBeforeWords}
          {...form.getInputProps("start_before")}
        />
        <TextInput
          type="datetime-local"
          label={words.finishBefore}
          description={words.finishBeforeWords}
          {...form.getInputProps("finish_before")}
        />
        <TextInput
          type="datetime-local"
          label={words.expiresAt}
          description={words.expiresAtWords}
          {...form.getInputProps("expires_at")}
        />
      </Stack>
      <TagsInput label={words.tags} description={words.tagsWords} {...form.getInputProps("tags")} />
      <Group grow>
        <TextInput label={words.show} maxLength={100} {...form.getInputProps("show")} />
        <TextInput label={words.shot} maxLength={100} {...form.getInputProps("shot")} />
      </Group>
    </FormDialog>
  );
}
