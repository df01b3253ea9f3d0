import { Suspense } from "react";
import { ModelsPage } from "@/features/models/models-page";

export default function Models() {
  return (
    <Suspense>
      <ModelsPage />
    </Suspense>
  );
}
