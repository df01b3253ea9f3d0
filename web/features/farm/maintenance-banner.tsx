// That the farm can only be read now, and why: seen before anything else.
import { Alert } from "@mantine/core";
import { IconBarrierBlock } from "@tabler/icons-react";
import type { Schemas } from "@/shared/api/client";
import { formatTime } from "@/shared/format/format";
import { strings } from "@/strings/en";

export function MaintenanceBanner({ notice }: { notice: Schemas["MaintenanceNotice"] | null | undefined }) {
  if (notice === null || notice === undefined) return null;
  const since = notice.since ? strings.farm.since(formatTime(notice.since)) : "";
  return (
    <Alert
      color="yellow"
      role="status"
      icon={<IconBarrierBlock aria-hidden />}
      title={notice.drain ? strings.farm.maintenanceDrains : strings.farm.maintenanceOn}
    >
      {[notice.message, since].filter(Boolean).join(" · ")}
    </Alert>
  );
}
