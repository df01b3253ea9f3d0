"use client";
// What most jobs leave as it is: folded, with a word where something in there was set.
import { Accordion, Badge, Group } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";
import { DeliveryFields } from "./delivery-fields";
import type { Draft } from "./draft";
import type { PartProps } from "./form-section";
import { LimitFields } from "./limit-fields";
import { errorAt } from "./refusals";
import { ScheduleFields } from "./schedule-fields";
import { SplitFields } from "./split-fields";

interface AdvancedPartProps extends PartProps<Draft> {
  pipeline: Schemas["PipelineView"] | undefined;
  /** What a split pays, as the pipeline says. */
  advice: readonly string[];
}

type PanelName = keyof typeof strings.submit.advanced.panels;

/** Fields of the specification by the part that they stand in: one that is wrong must be seen. */
const HOLDS: Record<PanelName, readonly string[]> = {
  schedule: ["depends_on", "start_before", "finish_before", "weight", "max_replicas"],
  delivery: ["deliver_to", "notify"],
  split: ["split"],
  limits: ["limits", "labels", "licences", "reuse"],
};
const PANELS = Object.keys(HOLDS) as PanelName[];

export function AdvancedPart({ draft, change, errors, pipeline, advice }: AdvancedPartProps) {
  const shown = PANELS.filter((name) => name !== "split" || (pipeline?.split_modes.length ?? 0) > 0);
  const part = { draft, change, errors };
  return (
    <Accordion multiple variant="separated" chevronPosition="left" order={2} keepMounted={false}>
      {shown.map((name) => (
        <Accordion.Item key={name} value={name}>
          <Accordion.Control>
            <Group gap="xs">
              {strings.submit.advanced.panels[name]}
              {HOLDS[name].some((field) => errorAt(errors, field) !== undefined) && (
                <Badge color="red" variant="light">
                  {strings.submit.advanced.wrong}
                </Badge>
              )}
            </Group>
          </Accordion.Control>
          <Accordion.Panel>
            {name === "schedule" && <ScheduleFields {...part} />}
            {name === "delivery" && <DeliveryFields {...part} />}
            {name === "split" && <SplitFields {...part} modes={pipeline?.split_modes ?? []} advice={advice} />}
            {name === "limits" && <LimitFields {...part} />}
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}
