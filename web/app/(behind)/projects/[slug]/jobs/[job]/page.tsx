import { JobPage } from "@/features/job/job-page";

export default function Job() {
  return <JobPage />;
}
