import { Suspense } from "react";
import { OverviewPage } from "@/features/farm/overview-page";

export default function Farm() {
  return (
    <Suspense>
      <OverviewPage />
    </Suspense>
  );
}
