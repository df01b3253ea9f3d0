"use client";
// What was done on the farm, by whom, and whether the log is whole.
import { Text } from "@mantine/core";
import { AuditLog } from "@/features/audit/audit-log";
import { ExportMenu } from "@/features/audit/export-menu";
import { AuditVerification } from "@/features/audit/verification";
import { Page } from "@/shared/ui/page";
import { strings } from "@/strings/en";

export function FarmAuditPage() {
  return (
    <Page title={strings.shell.pages.farmAudit} actions={<ExportMenu scope="farm" />}>
      <Text c="dimmed" maw={640}>
        {strings.audit.words}
      </Text>
      <AuditVerification />
      <AuditLog scope="farm" />
    </Page>
  );
}
