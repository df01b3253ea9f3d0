"use client";
import { DownloadMenu } from "@/shared/ui/download-menu";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { filtersIn } from "./filters";
import { exportPath, type AuditScope } from "./use-audit";

/** The entries that the filters of the page leave, as a file. */
export function ExportMenu({ scope }: { scope: AuditScope }) {
  const filters = filtersIn(useAddress().get);
  return (
    <DownloadMenu
      words={strings.audit.export}
      formats={(["csv", "jsonl"] as const).map((format) => ({
        name: strings.audit[format],
        path: exportPath(scope, filters, format),
        file: `audit.${format}`,
      }))}
    />
  );
}
