"use client";
// What happened to the job, newest first, as it happens.
import { Accordion, Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconTimelineEvent } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useProjectHeader } from "@/shared/api/project";
import { formatTime } from "@/shared/format/format";
import { keepStream, type FarmEvent } from "@/shared/live/stream";
import { Empty, Loading } from "@/shared/ui/query-states";
import { ProblemBox } from "@/shared/ui/problem-box";
import { strings } from "@/strings/en";
import { describeEvent } from "./describe-event";
import type { JobDetail } from "./job-context";

const SHOWN_FIRST = 100;

const words = strings.job.events;

export function EventsTab({ job }: { job: JobDetail }) {
  const [from, setFrom] = useState(() => Math.max(0, job.last_event - SHOWN_FIRST));
  const { events, isRead, problem } = useEvents(job, from);
  if (problem !== null) return <ProblemBox error={problem} />;
  if (!isRead) return <Loading />;
  if (events.length === 0) return <Empty icon={<IconTimelineEvent aria-hidden />} title={words.none} />;
  return (
    <Stack>
      <Accordion variant="contained" aria-label={words.list}>
        {events.toReversed().map((event) => (
          <EventItem key={event.seq} event={event} />
        ))}
      </Accordion>
      {from > 0 && (
        <Group justify="center">
          <Button variant="default" onClick={() => setFrom((now) => Math.max(0, now - SHOWN_FIRST * 5))}>
            {words.earlier}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function EventItem({ event }: { event: FarmEvent }) {
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
}

/** The job's events behind `from`, and those that come. */
function useEvents(job: JobDetail, from: number) {
  const project = useProjectHeader()["X-Rayfarm-Project"];
  const [read, setRead] = useState<{ events: readonly FarmEvent[]; isRead: boolean; problem: unknown }>({
    events: [],
    isRead: job.last_event === 0,
    problem: null,
  });
  useEffect(() => {
    const abort = new AbortController();
    const events = new Map<number, FarmEvent>();
    let isAsked = false;
    const show = (problem: unknown, isRead: boolean) =>
      setRead({ events: [...events.values()].sort((one, two) => one.seq! - two.seq!), isRead, problem });
    void keepStream(
      {
        url: `/v1/jobs/${encodeURIComponent(job.id)}/events`,
        headers: { "X-Rayfarm-Project": project },
        after: String(from),
        onEvent(event) {
          if (event.seq === null) return; // progress
          events.set(event.seq, event);
          // Hundreds come at once: they are shown together.
          if (isAsked) return;
          isAsked = true;
          setTimeout(() => {
            isAsked = false;
            if (!abort.signal.aborted) show(null, true);
          }, 50);
        },
        onState(state, problem) {
          if (state === "refused") show(problem, true);
          else if (state === "over") show(null, true);
        },
      },
      abort.signal,
    );
    return () => abort.abort();
  }, [job.id, project, from]);
  return read;
}
