import { Suspense } from "react";
import { FarmAuditPage } from "@/features/people/farm-audit-page";

export default function FarmAudit() {
  return (
    <Suspense>
      <FarmAuditPage />
    </Suspense>
  );
}
