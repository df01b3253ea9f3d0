"use client";
// What the job would take, and whether the project has it.
import { Alert, Group, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Children, type ReactNode } from "react";
import type { Schemas } from "@/shared/api/client";
import { formatDuration, formatMoney, formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { useProjectHints } from "./use-project-hints";

const words = strings.submit.estimate;

interface EstimatePanelProps {
  estimate: Schemas["EstimateView"] | undefined;
  isFetching: boolean;
  /** Why there is none yet. */
  waitsFor: string | null;
  children: ReactNode;
}

export function EstimatePanel({ estimate, isFetching, waitsFor, children }: EstimatePanelProps) {
  return (
    <Paper withBorder p="md" component="aside" aria-label={words.title}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {words.title}
          </Title>
          {isFetching && <Loader size="xs" aria-label={strings.shell.loading} />}
        </Group>
        <div aria-live="polite">
          {estimate === undefined || waitsFor !== null ? (
            <Text size="sm" c="dimmed">
              {waitsFor ?? words.asking}
            </Text>
          ) : (
            <Figures estimate={estimate} />
          )}
        </div>
        <Hints estimate={waitsFor === null ? estimate : undefined} />
        {children}
      </Stack>
    </Paper>
  );
}

function Figures({ estimate }: { estimate: Schemas["EstimateView"] }) {
  const { unknown, to_render: toRender, reused, seconds_per_frame: perFrame, expected_seconds: time } = estimate;
  const isPriced = estimate.cost !== null && estimate.currency !== null;
  return (
    <Stack gap={10}>
      <Figure label={words.toRender} value={words.frames(formatNumber(toRender ?? estimate.frames), toRender ?? 0)}>
        {toRender === null && (unknown.to_render ?? unknown.reused)}
        {(reused ?? 0) > 0 && words.reused(formatNumber(reused ?? 0))}
      </Figure>
      <Figure label={words.time} value={time === null ? null : formatDuration(time)}>
        {time === null && (unknown.expected_seconds ?? unknown.seconds_per_frame)}
        {perFrame !== null && words.perFrame(formatDuration(perFrame), estimate.replicas)}
        {estimate.seconds_per_frame_source === "same_model" && words.hint}
      </Figure>
      <Figure label={words.cost} value={isPriced ? formatMoney(estimate.cost ?? "0", estimate.currency ?? "") : null}>
        {!isPriced && unknown.cost}
      </Figure>
    </Stack>
  );
}

/** `value`: null where it is not known; what stands below says why, and more. */
function Figure({ label, value, children }: { label: string; value: string | null; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text fw={650} size="lg">
        {value ?? words.unknown}
      </Text>
      {Children.toArray(children).map((line, place) => (
        <Text key={place} size="xs" c="dimmed">
          {line}
        </Text>
      ))}
    </div>
  );
}

function Hints({ estimate }: { estimate: Schemas["EstimateView"] | undefined }) {
  const hints = useProjectHints(estimate);
  return hints.map((hint) => (
    <Alert key={hint} color="yellow" variant="light" p="xs" icon={<IconAlertTriangle size={16} aria-hidden />}>
      <Text size="xs">{hint}</Text>
    </Alert>
  ));
}
