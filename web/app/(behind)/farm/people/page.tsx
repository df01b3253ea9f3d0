import { Suspense } from "react";
import { PeoplePage } from "@/features/people/people-page";

export default function People() {
  return (
    <Suspense>
      <PeoplePage />
    </Suspense>
  );
}
