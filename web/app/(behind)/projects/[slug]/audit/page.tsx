import { Suspense } from "react";
import { AuditPage } from "@/features/audit/audit-page";

export default function Audit() {
  return (
    <Suspense>
      <AuditPage />
    </Suspense>
  );
}
