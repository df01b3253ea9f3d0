"use client";
// Throughput over the last minutes.
import { Box, Skeleton, Text } from "@mantine/core";
import dynamic from "next/dynamic";
import type { Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import { framesPerMinute } from "./queue-summary";

const PaceChart = dynamic(() => import("./pace-chart"), { ssr: false, loading: () => <Skeleton h={180} /> });

export function PaceSection({ pace }: { pace: Schemas["PaceView"] }) {
  const words = strings.farm.paceWords(formatNumber(framesPerMinute(pace), 1), pace.minutes.length);
  return (
    <Section title={strings.farm.paceTitle}>
      {pace.frames === 0 ? (
        <Text c="dimmed" size="sm">
          {strings.farm.nothingRendered}
        </Text>
      ) : (
        <Box role="img" aria-label={words}>
          <PaceChart pace={pace} />
        </Box>
      )}
    </Section>
  );
}
