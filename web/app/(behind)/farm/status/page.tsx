import { Suspense } from "react";
import { StatusPage } from "@/features/farm/status-page";

export default function Status() {
  return (
    <Suspense>
      <StatusPage />
    </Suspense>
  );
}
