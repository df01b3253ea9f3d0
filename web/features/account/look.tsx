"use client";
import { SegmentedControl, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

const SCHEMES: readonly MantineColorScheme[] = ["light", "dark", "auto"];

export function Look() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={strings.account.look}>
      <SegmentedControl
        aria-label={strings.shell.colorScheme}
        data={SCHEMES.map((scheme) => ({ value: scheme, label: strings.shell[scheme] }))}
        value={colorScheme}
        onChange={(scheme) => setColorScheme(scheme as MantineColorScheme)}
        style={{ alignSelf: "flex-start" }}
      />
    </Section>
  );
}
