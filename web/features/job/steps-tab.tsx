"use client";
// Steps behind the frames: what was asked for, how it went, and what was found.
import { Badge, Button, Code, Group, Spoiler, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconStack2 } from "@tabler/icons-react";
import { $api, type Schemas } from "@/shared/api/client";
import { useMay } from "@/shared/api/me";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";
import { StepDialog } from "./step-dialog";

type Step = Schemas["StepView"];

const COLORS: Record<Step["state"], string> = {
  queued: "gray",
  leased: "iris",
  rendering: "iris",
  done: "green",
  failed: "red",
  canceled: "gray",
};

const words = strings.job.steps;

export function StepsTab({ job }: { job: JobDetail }) {
  const params = useJobParams(job.id);
  const query = $api.useQuery("get", "/v1/jobs/{job_id}/steps", { params });
  const may = useMay();
  const [isAdding, adding] = useDisclosure(false);
  const mayAdd = may("project:render") && job.counts.committed + job.counts.reused > 0;
  const add = mayAdd && (
    <Button variant="default" leftSection={<IconStack2 size={16} aria-hidden />} onClick={adding.open}>
      {words.add}
    </Button>
  );
  return (
    <>
      <QueryStates
        query={query}
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty icon={<IconStack2 aria-hidden />} title={words.none} words={words.noneWords} action={add} />}
      >
        {({ items }) => (
          <Stack>
            <Group justify="flex-end">{add}</Group>
            <Table.ScrollContainer minWidth={640}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{words.step}</Table.Th>
                    <Table.Th>{words.state}</Table.Th>
                    <Table.Th>{words.request}</Table.Th>
                    <Table.Th>{words.result}</Table.Th>
                    <Table.Th>{words.when}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((step) => (
                    <StepRow key={step.id} step={step} />
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Stack>
        )}
      </QueryStates>
      {isAdding && <StepDialog job={job} onClose={adding.close} />}
    </>
  );
}

function StepRow({ step }: { step: Step }) {
  const asked = Object.entries(step.request).filter(([name, value]) => name !== "step" && value !== null);
  const name = words.kinds[step.step as keyof typeof words.kinds] ?? step.step;
  return (
    <Table.Tr>
      <Table.Td>
        {name} <Code>{step.id}</Code>
      </Table.Td>
      <Table.Td>
        <Badge color={COLORS[step.state]} variant="light">
          {words.states[step.state]}
        </Badge>
      </Table.Td>
      <Table.Td>
        <Group gap={4}>
          {asked.map(([field, value]) => (
            <Code key={field}>
              {field.replaceAll("_", " ")}: {typeof value === "string" ? value : JSON.stringify(value)}
            </Code>
          ))}
        </Group>
      </Table.Td>
      <Table.Td maw={360}>
        {step.error != null && <Text size="sm">{step.error}</Text>}
        {step.result != null && (
          <Spoiler maxHeight={90} showLabel={strings.job.actions.more} hideLabel={strings.shell.close}>
            <Code block>{JSON.stringify(step.result, null, 1)}</Code>
          </Spoiler>
        )}
      </Table.Td>
      <Table.Td>
        <TimeAgo at={step.updated_at} />
      </Table.Td>
    </Table.Tr>
  );
}
