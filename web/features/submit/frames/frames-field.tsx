"use client";
// Which frames, in which order, and whether somebody looks at a few of them first.
import { Button, Group, NumberInput, SegmentedControl, Input, Stack, Switch, Text, TextInput } from "@mantine/core";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { Draft } from "../draft";
import type { PartProps } from "../form-section";
import { countFrames } from "./frame-range";

const SCOUTS = 5;
const words = strings.submit.frames;

interface FramesFieldProps extends PartProps<Draft> {
  /** The scene's own range; null: not known. */
  sceneRange: string | null;
}

export function FramesField({ draft, change, errors, sceneRange }: FramesFieldProps) {
  const asked = draft.frames.trim() === "" ? (sceneRange ?? "") : draft.frames;
  const counted = asked === "" ? null : countFrames(asked);
  const error =
    (draft.frames === "" && sceneRange === null ? undefined : errors.frames) ??
    (counted !== null && "error" in counted ? counted.error : undefined);
  return (
    <Stack gap="sm">
      <TextInput
        label={words.range}
        description={words.syntax}
        placeholder={sceneRange ?? "1-250"}
        value={draft.frames}
        onChange={({ currentTarget }) => change({ frames: currentTarget.value })}
        error={error}
        withAsterisk={sceneRange === null}
        autoComplete="off"
        spellCheck={false}
      />
      <Group justify="space-between" mt={-6}>
        <Text size="sm" aria-live="polite">
          {counted !== null && "count" in counted ? words.count(formatNumber(counted.count), counted.count) : " "}
        </Text>
        {sceneRange !== null && draft.frames.trim() !== "" && sceneRange !== draft.frames.trim() && (
          <Button size="compact-sm" variant="subtle" onClick={() => change({ frames: "" })}>
            {words.sceneRange(sceneRange)}
          </Button>
        )}
      </Group>
      <Input.Wrapper label={words.order} description={words.orderWords[draft.order]} labelElement="div">
        <SegmentedControl
          mt={4}
          aria-label={words.order}
          data={(["scout", "sequential", "reverse"] as const).map((order) => ({
            value: order,
            label: words.orders[order],
          }))}
          value={draft.order}
          onChange={(order) => change({ order: order as Draft["order"] })}
        />
      </Input.Wrapper>
      <Group align="flex-end">
        <Switch
          label={words.approval}
          description={words.approvalWords}
          checked={draft.approval !== null}
          onChange={({ currentTarget }) => change({ approval: currentTarget.checked ? SCOUTS : null })}
        />
        {draft.approval !== null && (
          <NumberInput
            label={words.scouts}
            value={draft.approval}
            onChange={(count) => typeof count === "number" && change({ approval: count })}
            min={1}
            max={100}
            allowDecimal={false}
            error={errors.approval}
            w={130}
          />
        )}
      </Group>
    </Stack>
  );
}
