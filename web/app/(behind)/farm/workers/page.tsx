import { Suspense } from "react";
import { WorkersPage } from "@/features/workers/workers-page";

export default function Workers() {
  return (
    <Suspense>
      <WorkersPage />
    </Suspense>
  );
}
