// What the farm found when it opened the scene.
import { Alert, Badge, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { formatBytes, formatDuration, formatNumber } from "@/shared/format/format";
import { Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { kindName } from "./model-table";
import { frameCount, probeOf, type Finding, type Probe } from "./probe";

type Model = Schemas["ModelDetail"];

export function ModelOverview({ model }: { model: Model }) {
  const probe = probeOf(model);
  return (
    <Stack>
      <Trouble model={model} probe={probe} />
      {model.state === "probing" && (
        <Stack align="center" gap={0}>
          <Loading />
          <Text c="dimmed">{strings.models.probing}</Text>
        </Stack>
      )}
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }}>
        {factsOf(model, probe).map(([label, value, more]) => (
          <Card key={label} withBorder padding="sm">
            <Text size="xs" c="dimmed">
              {label}
            </Text>
            <Text fw={600} style={{ overflowWrap: "anywhere" }}>
              {value}
            </Text>
            {more !== undefined && (
              <Text size="xs" c="dimmed">
                {more}
              </Text>
            )}
          </Card>
        ))}
      </SimpleGrid>
      {probe !== null && probe.cameras.length > 0 && (
        <Names title={strings.models.cameras} names={probe.cameras} marked={probe.activeCamera} />
      )}
      {probe !== null && probe.viewLayers.length > 1 && (
        <Names title={strings.models.viewLayers} names={probe.viewLayers} marked={null} />
      )}
    </Stack>
  );
}

type Fact = [label: string, value: string, more?: string];

function factsOf(model: Model, probe: Probe | null): Fact[] {
  const { files } = model.manifest;
  const size = files.reduce((total, file) => total + file.size_bytes, 0);
  const facts: Fact[] = [[strings.models.kind, kindName(model.kind)]];
  if (probe?.frames) {
    const { start, end, step } = probe.frames;
    const number = frameCount(probe.frames);
    const range = step === 1 ? `${start}–${end}` : `${start}–${end}:${step}`;
    const length = probe.fps === null ? undefined : strings.models.length(formatDuration(number / probe.fps));
    facts.push([strings.models.frames, range, [strings.models.frameCount(number), length].filter(Boolean).join(", ")]);
  }
  if (probe?.fps) facts.push([strings.models.fps, formatNumber(probe.fps, 3)]);
  if (probe?.resolution) {
    const { width, height, percent } = probe.resolution;
    facts.push([strings.models.resolution, `${width} × ${height}`, percent === 100 ? undefined : `${percent} %`]);
  }
  if (probe?.engine) {
    const version = probe.blenderVersion === null ? undefined : `Blender ${probe.blenderVersion}`;
    facts.push([strings.models.engine, probe.engine, version]);
  }
  if (probe?.samples) facts.push([strings.models.samples, formatNumber(probe.samples)]);
  if (probe?.triangles) facts.push([strings.models.triangles, formatNumber(probe.triangles)]);
  for (const [name, value] of probe?.details ?? []) facts.push([name, value]);
  facts.push([strings.models.size, formatBytes(size), strings.models.files(files.length)]);
  return facts;
}

/** Why it cannot be rendered, and what may look other than the artist's own. */
function Trouble({ model, probe }: { model: Model; probe: Probe | null }) {
  const findings = probe?.findings ?? [];
  const errors = findings.filter(({ severity, code }) => severity === "error" && code !== "missing_file");
  const warnings = findings.filter(({ severity }) => severity === "warning");
  const { detail, message, title } = (model.problem ?? {}) as Record<string, unknown>;
  const words = [detail, message, title].find((each): each is string => typeof each === "string");
  return (
    <>
      {model.state === "invalid" && errors.length === 0 && (
        <Alert color="red" icon={<IconCircleX aria-hidden />} title={words ?? strings.models.invalid}>
          {model.remedy}
        </Alert>
      )}
      {errors.length > 0 && <Findings findings={errors} color="red" icon={IconCircleX} title={strings.models.errors} />}
      {warnings.length > 0 && (
        <Findings findings={warnings} color="yellow" icon={IconAlertTriangle} title={strings.models.warnings} />
      )}
      {model.state === "ready" && probe !== null && findings.length === 0 && (
        <Alert color="green" icon={<IconCircleCheck aria-hidden />} title={strings.models.clean} py="xs" />
      )}
    </>
  );
}

interface FindingsProps {
  findings: readonly Finding[];
  color: string;
  icon: typeof IconCircleX;
  title: string;
}

function Findings({ findings, color, icon: Icon, title }: FindingsProps) {
  return (
    <Alert color={color} icon={<Icon aria-hidden />} title={title}>
      <Stack gap="xs">
        {findings.map(({ code, message, remedy }) => (
          <div key={`${code} ${message}`}>
            <Text size="sm" fw={600}>
              {message}
            </Text>
            <Text size="sm">{remedy}</Text>
          </div>
        ))}
      </Stack>
    </Alert>
  );
}

function Names({ title, names, marked }: { title: string; names: readonly string[]; marked: string | null }) {
  return (
    <div>
      <Title order={2} size="h5" mb={6}>
        {title}
      </Title>
      <Group gap="xs">
        {names.map((each) => (
          <Badge key={each} variant={each === marked ? "filled" : "default"} tt="none" size="lg" radius="sm">
            {each === marked ? strings.models.active(each) : each}
          </Badge>
        ))}
      </Group>
    </div>
  );
}
