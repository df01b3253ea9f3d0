"use client";
// One project as the farm's administrator sees it: share, quotas, money.
import { Alert, Button, Grid, Stack, Text } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { Link } from "@/shared/ui/link";
import { $api } from "@/shared/api/client";
import { useSegments } from "@/shared/api/project";
import { formatNumber } from "@/shared/format/format";
import { Page } from "@/shared/ui/page";
import { QueryStates } from "@/shared/ui/query-states";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { BillingSection } from "./billing-section";
import { BudgetSection } from "./budget-section";
import { CreditsSection } from "./credits-section";
import { GeneralSection } from "./general-section";
import { QuotasSection } from "./quotas-section";

const WORDS = strings.projects;
const PATH = [
  { title: strings.shell.pages.farm, href: "/farm/" },
  { title: WORDS.title, href: "/farm/projects/" },
];

export function ProjectPage() {
  const slug = useSegments()[2] ?? "";
  const query = $api.useQuery("get", "/v1/projects/{slug}", { params: { path: { slug } } });
  return (
    <QueryStates query={query}>
      {(project) => (
        <Page title={project.name} path={PATH} actions={<Ways slug={slug} />}>
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 6 }}>
              <Stack gap="md">
                <NowSection slug={slug} />
                <GeneralSection slug={slug} />
                <QuotasSection slug={slug} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}>
              <Stack gap="md">
                <BudgetSection slug={slug} />
                <CreditsSection slug={slug} />
                <BillingSection slug={slug} />
              </Stack>
            </Grid.Col>
          </Grid>
        </Page>
      )}
    </QueryStates>
  );
}

function Ways({ slug }: { slug: string }) {
  const base = `/projects/${encodeURIComponent(slug)}`;
  return (
    <>
      <Button component={Link} href={`${base}/jobs/`} variant="default">
        {WORDS.toJobs}
      </Button>
      <Button component={Link} href={`${base}/members/`} variant="default">
        {WORDS.toMembers}
      </Button>
    </>
  );
}

function NowSection({ slug }: { slug: string }) {
  const query = $api.useQuery("get", "/v1/queues", {});
  return (
    <Section title={WORDS.now}>
      <QueryStates query={query}>
        {({ projects }) => {
          const now = projects.find((each) => each.project === slug);
          if (now === undefined) {
            return (
              <Text size="sm" c="dimmed">
                {WORDS.nothingNow}
              </Text>
            );
          }
          return (
            <Stack gap="sm">
              <Text size="sm">{WORDS.nowWords(now.waiting, now.running, formatNumber(now.frames))}</Text>
              <Text size="sm" c="dimmed">
                {strings.farm.shareWords(shareOf(now.share), shareOf(now.used))}
              </Text>
              {now.stopped != null && (
                <Alert color="yellow" icon={<IconHandStop aria-hidden />}>
                  {WORDS.stopped(WORDS.stops[now.stopped] ?? now.stopped)}
                </Alert>
              )}
            </Stack>
          );
        }}
      </QueryStates>
    </Section>
  );
}

function shareOf(fraction: number): string {
  return `${formatNumber(fraction * 100, 1)} %`;
}
