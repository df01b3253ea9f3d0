"use client";
// What happened to the job, newest first, as it happens.
import { Accordion, Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconTimelineEvent } from "@tabler/icons-react";
import { memo, useState } from "react";
import { formatTime } from "@/shared/format/format";
import type { FarmEvent } from "@/shared/live/stream";
import { Empty, Loading } from "@/shared/ui/query-states";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import { describeEvent } from "./describe-event";
import type { JobDetail } from "./job-context";
import { useJobEvents } from "./use-job-events";

const SHOWN_FIRST = 100;
/** While the job runs the list grows to so many; then the oldest go. A job of 10,000 frames has tens of thousands. */
const MOST_SHOWN = 500;

const words = strings.job.events;

export function EventsTab({ job }: { job: JobDetail }) {
  const [reach, setReach] = useState(() => ({ from: Math.max(0, job.last_event - SHOWN_FIRST), most: MOST_SHOWN }));
  const { events, isRead, problem } = useJobEvents(job, reach);
  if (problem !== null) return <ProblemBox error={problem} />;
  if (!isRead) return <Loading />;
  if (events.length === 0) return <Empty icon={<IconTimelineEvent aria-hidden />} title={words.none} />;
  const before = events[0]!.seq! - 1;
  return (
    <Stack>
      <Accordion variant="contained" aria-label={words.list} keepMounted={false}>
        {events.toReversed().map((event) => (
          <EventItem key={event.seq} event={event} />
        ))}
      </Accordion>
      {before > 0 && (
        <Group justify="center">
          <Button
            variant="default"
            onClick={() =>
              setReach({
                from: Math.max(0, before - MOST_SHOWN),
                most: Math.max(events.length, MOST_SHOWN) + MOST_SHOWN,
              })
            }
          >
            {words.earlier}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

const EventItem = memo(function EventItem({ event }: { event: FarmEvent }) {
  return (
    <Accordion.Item value={String(event.seq)}>
      <Accordion.Control>
        <Group gap="sm">
          <Text size="sm" c="dimmed" component="time" dateTime={event.at} miw={150}>
            {formatTime(event.at)}
          </Text>
          <Code>{event.kind}</Code>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {describeEvent(event)}
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Text size="xs" c="dimmed">
          {words.numbered(event.seq ?? 0)}. {words.raw}
        </Text>
        <Code block tabIndex={0} style={{ maxHeight: 320, overflow: "auto" }}>
          {JSON.stringify(event.data, null, 1)}
        </Code>
      </Accordion.Panel>
    </Accordion.Item>
  );
});
