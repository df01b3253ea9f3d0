import { WorkerPage } from "@/features/workers/worker-page";

export function generateStaticParams() {
  return [{ id: "_" }];
}

export default function Worker() {
  return <WorkerPage />;
}
