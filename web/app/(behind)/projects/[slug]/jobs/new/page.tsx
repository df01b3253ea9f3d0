import { Suspense } from "react";
import { NewJobPage } from "@/features/submit/new-job-page";

export default function NewJob() {
  return (
    <Suspense>
      <NewJobPage />
    </Suspense>
  );
}
