"use client";
// When machines may render: the list of schedules, and what can be done with each.
import { Badge, Button, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { IconCalendarTime, IconCheck, IconMoon, IconPlayerPause } from "@tabler/icons-react";
import { useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { useVersioned } from "@/shared/api/versioned";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { notifyDone } from "@/shared/ui/notify";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { ScheduleDialog, useRefreshSchedules } from "./schedule-dialog";
import { hoursWords, pairsOf } from "./schedule-hours";

const WORDS = strings.farm;
const PATH = "/v1/schedules/{name}";
type Schedule = Schemas["ScheduleView"];

export function SchedulesPanel() {
  const query = $api.useQuery("get", "/v1/schedules", {});
  const [isAdding, setAdding] = useState(false);
  return (
    <Section
      title={WORDS.tabs.schedules}
      actions={<Button onClick={() => setAdding(true)}>{WORDS.addSchedule} …</Button>}
    >
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={
          <Empty icon={<IconCalendarTime aria-hidden />} title={WORDS.noSchedules} words={WORDS.noSchedulesWords} />
        }
      >
        {(page) => <Schedules schedules={page.items} />}
      </QueryStates>
      {isAdding && <ScheduleDialog schedule={null} etag={undefined} onClose={() => setAdding(false)} />}
    </Section>
  );
}

function Schedules({ schedules }: { schedules: readonly Schedule[] }) {
  const columns = WORDS.scheduleColumns;
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.for}</Table.Th>
            <Table.Th>{columns.hours}</Table.Th>
            <Table.Th>{columns.now}</Table.Th>
            <Table.Th>{columns.by}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{WORDS.change}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {schedules.map((schedule) => (
            <Table.Tr key={schedule.name}>
              <Table.Th scope="row">{schedule.name}</Table.Th>
              <Table.Td>
                {[schedule.node, ...pairsOf(schedule.labels)].filter(Boolean).join(", ") || WORDS.allMachines}
              </Table.Td>
              <Table.Td>
                {hoursWords(schedule).map((words) => (
                  <Text key={words} size="sm">
                    {words}
                  </Text>
                ))}
                <Text size="xs" c="dimmed">
                  {schedule.time_zone}
                </Text>
              </Table.Td>
              <Table.Td>
                <Now schedule={schedule} />
              </Table.Td>
              <Table.Td>
                <Stack gap={0}>
                  <Text size="sm">{schedule.set_by}</Text>
                  <TimeAgo at={schedule.updated_at} size="xs" c="dimmed" />
                </Stack>
              </Table.Td>
              <Table.Td>
                <Actions schedule={schedule} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Now({ schedule }: { schedule: Schedule }) {
  const [color, Icon, words] =
    schedule.enabled === false
      ? (["gray", IconPlayerPause, WORDS.scheduleOff] as const)
      : schedule.open
        ? (["green", IconCheck, WORDS.scheduleOpen] as const)
        : (["yellow", IconMoon, WORDS.scheduleClosed] as const);
  return (
    <Badge color={color} variant="light" leftSection={<Icon size={12} aria-hidden />}>
      {words}
    </Badge>
  );
}

function Actions({ schedule: { name } }: { schedule: Schedule }) {
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const refresh = useRefreshSchedules();
  const seen = useVersioned(PATH, name, () => api.GET(PATH, { params: { path: { name } } }), isOpen);
  if (!may("farm:operate")) return null;
  return (
    <Group justify="flex-end" gap="xs" wrap="nowrap">
      <Button
        size="xs"
        variant="default"
        aria-label={WORDS.changeSchedule(name)}
        loading={isOpen && seen.isPending}
        onClick={() => setOpen(true)}
      >
        {WORDS.change} …
      </Button>
      <ConfirmButton
        size="xs"
        variant="subtle"
        color="red"
        words={WORDS.remove}
        label={WORDS.dropSchedule(name)}
        question={`${WORDS.dropSchedule(name)}?`}
        consequence={WORDS.dropScheduleWords}
        onConfirm={async () => {
          await api.DELETE(PATH, { params: { path: { name } } });
          notifyDone(WORDS.scheduleDropped(name));
          await refresh();
        }}
      />
      {isOpen && seen.data !== undefined && (
        <ScheduleDialog
          key={seen.data.etag}
          schedule={seen.data.data}
          etag={seen.data.etag}
          onClose={() => setOpen(false)}
        />
      )}
    </Group>
  );
}
