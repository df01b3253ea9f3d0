// The queue by project: what each is owed, what it has had, and what stops it.
import { Anchor, Badge, Progress, Stack, Table, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { Schemas } from "@/shared/api/client";
import { formatDuration, formatNumber, formatPercent } from "@/shared/format/format";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const COLUMNS = strings.farm.columns;

export function ProjectTable({ projects }: { projects: readonly Schemas["ProjectQueue"][] }) {
  return (
    <Section title={strings.farm.projects} words={projects.length > 1 ? strings.farm.projectsWords : undefined}>
      {projects.length === 0 ? (
        <Text c="dimmed" size="sm">
          {strings.farm.queueEmpty}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={640}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{COLUMNS.project}</Table.Th>
                <Table.Th w={170}>
                  {COLUMNS.share} · {COLUMNS.used}
                </Table.Th>
                <Table.Th ta="right">{COLUMNS.waiting}</Table.Th>
                <Table.Th ta="right">{COLUMNS.running}</Table.Th>
                <Table.Th ta="right">{COLUMNS.frames}</Table.Th>
                <Table.Th ta="right">{COLUMNS.oldest}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {projects.map((each) => (
                <Table.Tr key={each.project}>
                  <Table.Td>
                    <Anchor component={Link} href={`/projects/${encodeURIComponent(each.project)}/jobs/`} size="sm">
                      {each.project}
                    </Anchor>
                    {each.stopped != null && (
                      <Badge ml="xs" color="yellow" variant="light">
                        {COLUMNS.stopped}: {strings.projects.stops[each.stopped] ?? each.stopped}
                      </Badge>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <Share share={each.share} used={each.used} />
                  </Table.Td>
                  <Table.Td ta="right">{formatNumber(each.waiting)}</Table.Td>
                  <Table.Td ta="right">{formatNumber(each.running)}</Table.Td>
                  <Table.Td ta="right">{formatNumber(each.frames)}</Table.Td>
                  <Table.Td ta="right">{each.oldest_s == null ? "–" : formatDuration(each.oldest_s)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}

function Share({ share, used }: { share: number; used: number }) {
  const words = strings.farm.shareWords(formatPercent(share), formatPercent(used));
  return (
    <Stack gap={3}>
      <Text size="xs" c="dimmed" aria-hidden>
        {formatPercent(share)} · {formatPercent(used)}
      </Text>
      <Progress value={used * 100} size="sm" aria-label={words} />
    </Stack>
  );
}
