import { Suspense } from "react";
import { WaitingPage } from "@/features/farm/waiting-page";

export default function Waiting() {
  return (
    <Suspense>
      <WaitingPage />
    </Suspense>
  );
}
