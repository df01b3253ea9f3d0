"use client";
import { Checkbox, Table } from "@mantine/core";
import { strings } from "@/strings/en";
import type { Job } from "./commands";
import { JobRow } from "./job-row";
import type { Selection } from "./use-selection";
import type { AskedActions } from "./use-asked-actions";

interface JobsTableProps {
  jobs: readonly Job[];
  selection: Selection;
  actions: AskedActions | null;
}

const { columns } = strings.jobs;

export function JobsTable({ jobs, selection, actions }: JobsTableProps) {
  const areAll = jobs.length > 0 && selection.selected.length === jobs.length;
  return (
    <Table.ScrollContainer minWidth={960} type="native">
      <Table aria-label={strings.jobs.listed} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {actions !== null && (
              <Table.Th w={40}>
                <Checkbox
                  aria-label={strings.jobs.selectAll}
                  checked={areAll}
                  indeterminate={!areAll && selection.selected.length > 0}
                  onChange={() => (areAll ? selection.clear() : selection.selectAll())}
                  size="sm"
                />
              </Table.Th>
            )}
            <Table.Th miw={200}>{columns.name}</Table.Th>
            <Table.Th miw={150}>{columns.state}</Table.Th>
            <Table.Th miw={170}>{columns.progress}</Table.Th>
            <Table.Th>{columns.frames}</Table.Th>
            <Table.Th>{columns.pipeline}</Table.Th>
            <Table.Th>{columns.priority}</Table.Th>
            <Table.Th>{columns.when}</Table.Th>
            {actions !== null && <Table.Th w={48} aria-hidden />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {jobs.map((job) => (
            <JobRow
              key={job.id}
              job={job}
              isSelected={selection.has(job.id)}
              actions={actions}
              onSelect={selection.toggle}
            />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
