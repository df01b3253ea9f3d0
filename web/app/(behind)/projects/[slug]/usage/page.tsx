import { Suspense } from "react";
import { UsagePage } from "@/features/usage/usage-page";

export default function Usage() {
  return (
    <Suspense>
      <UsagePage />
    </Suspense>
  );
}
