"use client";
// A new schedule, or a change of one as it was seen.
import {
  ActionIcon,
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "@/shared/api/client";
import { Problem } from "@/shared/api/problem";
import { ifMatch } from "@/shared/api/versioned";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { DAYS, labelsOf, pairsOf, WHOLE_DAY } from "./schedule-hours";

const WORDS = strings.farm;
const PATH = "/v1/schedules/{name}";
const MOST_WINDOWS = 50;
const DAY_CHOICES = DAYS.map((day) => ({ value: day, label: WORDS.days[day] ?? day }));
type Window = typeof WHOLE_DAY;

interface Values {
  name: string;
  node: string;
  labels: string[];
  time_zone: string;
  windows: Window[];
  only_when_idle_min: number | string;
  give_back: boolean;
  enabled: boolean;
}

interface ScheduleDialogProps {
  /** Null: a new one. */
  schedule: Schemas["ScheduleView"] | null;
  etag: string | undefined;
  onClose: () => void;
}

export function ScheduleDialog({ schedule, etag, onClose }: ScheduleDialogProps) {
  const refresh = useRefreshSchedules();
  const form = useForm<Values>({ initialValues: valuesOf(schedule) });

  async function save({ name, labels: pairs, node, only_when_idle_min: idle, ...rest }: Values) {
    const { labels, bad } = labelsOf(pairs);
    if (bad !== null) throw new Problem(422, { detail: WORDS.badLabel(bad), field: "labels" });
    await api.PUT(PATH, {
      params: { path: { name: name.trim() }, header: ifMatch(etag) },
      body: {
        ...rest,
        labels,
        node: node.trim() === "" ? null : node.trim(),
        only_when_idle_min: typeof idle === "number" ? idle : null,
      },
    });
    notifyDone(WORDS.scheduleSaved(name.trim()));
    await refresh();
  }

  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={schedule === null ? WORDS.addSchedule : WORDS.changeSchedule(schedule.name)}
      words={WORDS.save}
      size="lg"
      form={form}
      onSubmit={save}
    >
      <TextInput label={WORDS.scheduleName} required disabled={schedule !== null} {...form.getInputProps("name")} />
      <TextInput
        label={WORDS.scheduleNode}
        description={WORDS.scheduleNodeHint}
        maxLength={255}
        {...form.getInputProps("node")}
      />
      <TagsInput
        label={WORDS.scheduleLabels}
        description={WORDS.scheduleLabelsHint}
        {...form.getInputProps("labels")}
      />
      <TextInput label={WORDS.scheduleZone} required maxLength={64} {...form.getInputProps("time_zone")} />
      <Windows form={form} />
      <NumberInput
        label={WORDS.scheduleIdle}
        description={WORDS.scheduleIdleHint}
        min={1}
        allowDecimal={false}
        {...form.getInputProps("only_when_idle_min")}
      />
      <Switch
        label={WORDS.scheduleGiveBack}
        description={WORDS.scheduleGiveBackHint}
        {...form.getInputProps("give_back", { type: "checkbox" })}
      />
      <Switch label={WORDS.scheduleEnabled} {...form.getInputProps("enabled", { type: "checkbox" })} />
    </FormDialog>
  );
}

function Windows({ form }: { form: UseFormReturnType<Values> }) {
  const { windows } = form.values;
  return (
    <Stack gap="xs" component="fieldset" m={0} p={0} bd="none">
      <legend className="mantine-InputWrapper-label">{WORDS.scheduleWindows}</legend>
      {windows.map((_, index) => (
        <Group key={index} align="flex-end" gap="xs" wrap="nowrap">
          <MultiSelect
            label={WORDS.windowDays}
            data={DAY_CHOICES}
            flex={1}
            required
            {...form.getInputProps(`windows.${index}.days`)}
          />
          <TextInput label={WORDS.windowBegin} w={80} {...form.getInputProps(`windows.${index}.begin`)} />
          <TextInput label={WORDS.windowEnd} w={80} {...form.getInputProps(`windows.${index}.end`)} />
          <ActionIcon size="lg" aria-label={WORDS.removeWindow} onClick={() => form.removeListItem("windows", index)}>
            <IconX size={18} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {windows.length < MOST_WINDOWS && (
        <Button
          variant="default"
          size="xs"
          onClick={() => form.insertListItem("windows", { ...WHOLE_DAY })}
          style={{ alignSelf: "start" }}
        >
          {WORDS.addWindow}
        </Button>
      )}
    </Stack>
  );
}

function valuesOf(schedule: Schemas["ScheduleView"] | null): Values {
  return {
    name: schedule?.name ?? "",
    node: schedule?.node ?? "",
    labels: pairsOf(schedule?.labels),
    time_zone: schedule?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    windows: (schedule?.windows ?? [{ days: [...DAYS], begin: "18:00", end: "08:00" }]).map((window) => ({
      days: (window.days ?? WHOLE_DAY.days) as Window["days"],
      begin: window.begin ?? WHOLE_DAY.begin,
      end: window.end ?? WHOLE_DAY.end,
    })),
    only_when_idle_min: schedule?.only_when_idle_min ?? "",
    give_back: schedule?.give_back ?? false,
    enabled: schedule?.enabled ?? true,
  };
}

export function useRefreshSchedules() {
  const queries = useQueryClient();
  return () =>
    queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/v1/schedules") });
}
