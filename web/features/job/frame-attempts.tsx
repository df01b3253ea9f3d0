"use client";
// Each try at a frame, newest first: how it ended, where, how long each phase took, and what the renderer printed.
import { Accordion, ActionIcon, Badge, Code, Group, Stack, Switch, Text, Title, Tooltip } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { $api, api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import { formatDuration, formatNumber } from "@/shared/format/format";
import { copyText } from "@/shared/ui/copy-text";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useQuery } from "@tanstack/react-query";
import classes from "./frame-grid.module.css";
import { useJobParams, type JobDetail } from "./job-context";

type FrameView = Schemas["FrameView"];
type Attempt = Schemas["serve_app__jobs__schemas__AttemptView"];

const words = strings.job.frame;

export function FrameAttempts({ job, view }: { job: JobDetail; view: FrameView }) {
  const { header, path } = useJobParams(job.id);
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/frames/{frame}/attempts", {
    params: { header, path: { ...path, frame: view.frame } },
  });
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {words.attempts}
      </Title>
      <QueryStates
        query={query}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <Text size="sm" c="dimmed">
            {view.state === "reused" ? words.reused : words.noAttempts}
          </Text>
        }
      >
        {({ items }) => (
          <Accordion variant="separated" defaultValue={view.state === "failed" ? items[0]!.id : null}>
            {items.map((attempt, index) => (
              <AttemptItem key={attempt.id} job={job} attempt={attempt} number={items.length - index} />
            ))}
          </Accordion>
        )}
      </QueryStates>
    </Stack>
  );
}

function AttemptItem({ job, attempt, number }: { job: JobDetail; attempt: Attempt; number: number }) {
  const took =
    attempt.started_at == null
      ? null
      : (new Date(attempt.ended_at).getTime() - new Date(attempt.started_at).getTime()) / 1000;
  const isGood = attempt.outcome === "ok" || attempt.outcome === "reused";
  return (
    <Accordion.Item value={attempt.id}>
      <Accordion.Control>
        <Group gap="xs">
          <Text size="sm" fw={650}>
            {words.attempt(number)}
          </Text>
          <Badge color={isGood ? "green" : "red"} variant="light">
            {strings.job.endReasons[attempt.outcome]}
          </Badge>
          {took !== null && <Text size="sm">{formatDuration(took)}</Text>}
          <TimeAgo at={attempt.ended_at} c="dimmed" />
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="xs">
          {attempt.message != null && !isGood && (
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {attempt.message}
            </Text>
          )}
          {attempt.replica != null && (
            <Text size="xs" c="dimmed">
              {words.renderedBy(attempt.replica)}
            </Text>
          )}
          <Figures title={words.timings} values={attempt.timings_ms} isTime />
          <Figures title={words.metrics} values={attempt.metrics} />
          <AttemptLog job={job} attempt={attempt} />
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Figures({ title, values, isTime = false }: { title: string; values: object; isTime?: boolean }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <Group gap={6}>
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      {entries.map(([name, value]) => (
        <Code key={name}>
          {name.replaceAll("_", " ")}: {figure(value, isTime)}
        </Code>
      ))}
    </Group>
  );
}

function figure(value: unknown, isTime: boolean): string {
  if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
  return isTime ? formatDuration(value / 1000) : formatNumber(value, 2);
}

/** null: the renderer printed nothing. */
async function readLog(
  job: string,
  attempt: Attempt,
  header: { "X-Rayfarm-Project": string },
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { data } = await api.GET("/v1/jobs/{job_id}/frames/{frame}/log", {
      params: { header, path: { job_id: job, frame: attempt.frame }, query: { attempt: attempt.id } },
      parseAs: "text",
      signal,
    });
    return data ?? null;
  } catch (error) {
    if (asProblem(error).status === 404) return null;
    throw error;
  }
}

function AttemptLog({ job, attempt }: { job: JobDetail; attempt: Attempt }) {
  const header = useProjectHeader();
  const [isWrapped, setWrapped] = useState(false);
  const shown = useRef<HTMLPreElement>(null);
  const query = useQuery({
    queryKey: ["get", "/v1/jobs/{job_id}/frames/{frame}/log", { attempt: attempt.id }],
    queryFn: ({ signal }) => readLog(job.id, attempt, header, signal),
    staleTime: Infinity, // what a try printed does not change any more
  });

  async function copy(text: string) {
    notifyDone((await copyText(text, shown.current)) ? words.logCopied : strings.ui.copyByHand);
  }

  return (
    <QueryStates
      query={query}
      isEmpty={(log) => log === null}
      empty={
        <Text size="sm" c="dimmed">
          {words.noLog}
        </Text>
      }
    >
      {(log) => (
        <Stack gap={4}>
          <Group justify="space-between">
            <Text size="sm" fw={650}>
              {words.log}
            </Text>
            <Group gap="xs">
              <Switch
                size="xs"
                label={words.wrap}
                checked={isWrapped}
                onChange={(change) => setWrapped(change.currentTarget.checked)}
              />
              <Tooltip label={words.copyLog}>
                <ActionIcon aria-label={words.copyLog} onClick={() => void copy(log ?? "")}>
                  <IconCopy size={16} aria-hidden />
                </ActionIcon>
              </Tooltip>
            </Group>
          </Group>
          <pre
            ref={shown}
            className={classes.log}
            data-wrap={isWrapped}
            tabIndex={0}
            role="region"
            aria-label={words.log}
          >
            {log}
          </pre>
        </Stack>
      )}
    </QueryStates>
  );
}
