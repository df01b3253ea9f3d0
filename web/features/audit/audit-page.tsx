"use client";
import { Text } from "@mantine/core";
import { useProject } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { strings } from "@/strings/en";
import { AuditLog } from "./audit-log";
import { ExportMenu } from "./export-menu";

export function AuditPage() {
  const scope = { project: useProject() };
  return (
    <Page title={strings.audit.title} actions={<ExportMenu scope={scope} />}>
      <Text c="dimmed" maw={640}>
        {strings.audit.words}
      </Text>
      <AuditLog scope={scope} />
    </Page>
  );
}
