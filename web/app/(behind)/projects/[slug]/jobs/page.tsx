import { Suspense } from "react";
import { JobsPage } from "@/features/jobs/jobs-page";

export default function Jobs() {
  return (
    <Suspense>
      <JobsPage />
    </Suspense>
  );
}
