"use client";
import { Group, Select, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { strings } from "@/strings/en";
import { choiceOf, periodOf, type Period, type PeriodChoice } from "./period";

const CHOICES: readonly PeriodChoice[] = ["month", "lastMonth", "quarter", "own"];

interface PeriodPickerProps {
  period: Period;
  onChange: (days: Record<string, string | null>) => void;
}

export function PeriodPicker({ period, onChange }: PeriodPickerProps) {
  const named = choiceOf(period, new Date());
  const [wantsOwn, setWantsOwn] = useState(false);
  const choice = wantsOwn ? "own" : named;

  function choose(next: PeriodChoice) {
    setWantsOwn(next === "own");
    if (next === "own") return;
    onChange(next === "month" ? { since: null, until: null } : { ...periodOf(next, new Date()) });
  }

  return (
    <Group align="flex-end" gap="sm">
      <Select
        label={strings.usage.period}
        data={CHOICES.map((each) => ({ value: each, label: strings.usage.periods[each] }))}
        value={choice}
        allowDeselect={false}
        onChange={(next) => choose((next ?? "month") as PeriodChoice)}
        w={190}
      />
      {choice === "own" && (
        <>
          {(["since", "until"] as const).map((side) => (
            <TextInput
              key={side}
              type="date"
              label={strings.usage[side]}
              value={period[side]}
              min={side === "until" ? period.since : undefined}
              max={side === "since" ? period.until : undefined}
              onChange={({ currentTarget }) => {
                if (currentTarget.value !== "") onChange({ ...period, [side]: currentTarget.value });
              }}
              w={160}
            />
          ))}
        </>
      )}
      <Text size="xs" c="dimmed" pb={8}>
        {strings.usage.utc}
      </Text>
    </Group>
  );
}
