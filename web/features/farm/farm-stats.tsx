// The farm in six numbers.
import { SimpleGrid } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { formatMoney, formatNumber, formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";
import { costPerHour, countReplicas, framesPerMinute } from "./queue-summary";
import { Stat } from "./stat";

const WORDS = strings.farm.stats;
/** Above this part of failed attempts somebody should look. */
const BAD_FAILURES = 0.1;

export function FarmStats({ queues, pace }: { queues: Schemas["Queues"]; pace: Schemas["PaceView"] }) {
  const replicas = countReplicas(queues.pools);
  const waiting = queues.classes.reduce((sum, each) => sum + each.frames, 0);
  const jobs = queues.classes.reduce((sum, each) => sum + each.waiting + each.running, 0);
  const minutes = pace.minutes.length;
  const failures = pace.attempts === 0 ? 0 : pace.failed / pace.attempts;
  const perMinute = framesPerMinute(pace);
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, xl: 6 }} spacing="md">
      <Stat
        label={WORDS.pace}
        value={formatNumber(perMinute, perMinute < 10 ? 1 : 0)}
        hint={WORDS.paceHint(formatNumber(pace.frames), minutes)}
      />
      <Stat label={WORDS.waiting} value={formatNumber(waiting)} hint={WORDS.waitingHint(jobs)} />
      <Stat
        label={WORDS.replicas}
        value={`${formatNumber(replicas.busy)} / ${formatNumber(replicas.up)}`}
        hint={replicas.up === 0 ? WORDS.noReplicas : WORDS.replicasHint(replicas.draining, replicas.disabled)}
        bad={replicas.up === 0}
      />
      <Stat label={WORDS.warm} value={pace.warm === null ? "–" : formatPercent(pace.warm)} hint={WORDS.warmHint} />
      <Stat
        label={WORDS.cost}
        value={pace.currency === null ? "–" : formatMoney(costPerHour(pace).toFixed(2), pace.currency)}
        hint={pace.currency === null ? WORDS.noPrices : WORDS.costHint(minutes)}
      />
      <Stat
        label={WORDS.failures}
        value={pace.attempts === 0 ? "–" : formatPercent(failures)}
        hint={WORDS.failuresHint(formatNumber(pace.failed), formatNumber(pace.attempts))}
        bad={failures > BAD_FAILURES}
      />
    </SimpleGrid>
  );
}
