import { Suspense } from "react";
import { FarmKeysPage } from "@/features/people/farm-keys-page";

export default function FarmKeys() {
  return (
    <Suspense>
      <FarmKeysPage />
    </Suspense>
  );
}
