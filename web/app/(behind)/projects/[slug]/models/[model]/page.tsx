import { Suspense } from "react";
import { ModelPage } from "@/features/models/model-page";

export function generateStaticParams() {
  return [{ model: "_" }];
}

export default function Model() {
  return (
    <Suspense>
      <ModelPage />
    </Suspense>
  );
}
