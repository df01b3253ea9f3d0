"use client";
// Jobs of all projects that wait, and for what.
import { Anchor, Select, Table, Text } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { $api, type Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { useRefreshOn } from "@/shared/live/refresh-on";
import { JobStateBadge } from "@/shared/ui/job-state";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { ReadAgain } from "@/shared/ui/read-again";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { jobAddress } from "./job-address";
import { OnlyFirst } from "./only-first";
import { topReasons } from "./queue-summary";
import { useAddress } from "@/shared/ui/use-address";

const WORDS = strings.farm;
const MOST = 500;
type Reason = Schemas["WaitReason"];

export function WaitingPage() {
  const { get, set } = useAddress();
  const reason = get("reason") ?? "";
  const query = $api.useQuery(
    "get",
    "/v1/queues/waiting",
    { params: { query: { limit: MOST, ...(reason === "" ? {} : { reason: reason as Reason }) } } },
    { refetchOnWindowFocus: "always" },
  );
  const queues = $api.useQuery("get", "/v1/queues", {});
  useRefreshOn({ "job.": ["/v1/queues/waiting"], "chunk.": ["/v1/queues/waiting"] });
  const reasons = topReasons(queues.data?.classes ?? []);
  const choices = reasons.map((each) => ({ value: each.reason, label: `${each.words} (${WORDS.jobs(each.jobs)})` }));
  if (reason !== "" && !choices.some((choice) => choice.value === reason))
    choices.push({ value: reason, label: reason });

  return (
    <Page title={WORDS.waitingTitle} actions={<ReadAgain />}>
      <Text size="sm" c="dimmed">
        {WORDS.waitingWords}
      </Text>
      <Select
        label={WORDS.filterReason}
        data={choices}
        value={reason === "" ? null : reason}
        placeholder={WORDS.anyReason}
        clearable
        onChange={(value) => set({ reason: value })}
        maw={560}
      />
      <QueryStates
        query={query}
        isEmpty={(page) => page.items.length === 0}
        empty={
          <Empty
            icon={<IconHourglass aria-hidden />}
            title={WORDS.nothingWaitsTitle}
            words={reason === "" ? WORDS.nothingWaitsWords : undefined}
          />
        }
      >
        {(page) => (
          <>
            <OnlyFirst shown={page.items.length} most={MOST} />
            <WaitingTable jobs={page.items} />
          </>
        )}
      </QueryStates>
    </Page>
  );
}

function WaitingTable({ jobs }: { jobs: readonly Schemas["TroubledJob"][] }) {
  const columns = WORDS.columns;
  return (
    <Table.ScrollContainer minWidth={820}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.job}</Table.Th>
            <Table.Th>{columns.priority}</Table.Th>
            <Table.Th>{columns.state}</Table.Th>
            <Table.Th>{columns.reason}</Table.Th>
            <Table.Th ta="right">{columns.frames}</Table.Th>
            <Table.Th>{columns.submitted}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {jobs.map((job) => (
            <Table.Tr key={job.id}>
              <Table.Td>
                <Anchor component={Link} href={jobAddress(job.project, job.id)} size="sm">
                  {job.name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {job.project}
                </Text>
              </Table.Td>
              <Table.Td>{WORDS.priorities[job.priority] ?? job.priority}</Table.Td>
              <Table.Td>
                <JobStateBadge state={job.state} />
              </Table.Td>
              <Table.Td maw={360}>
                <Text size="sm">{job.words}</Text>
              </Table.Td>
              <Table.Td ta="right">{formatNumber(job.frames)}</Table.Td>
              <Table.Td>
                <TimeAgo at={job.created_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
