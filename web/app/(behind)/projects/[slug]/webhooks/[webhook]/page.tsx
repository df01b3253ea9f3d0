import { Suspense } from "react";
import { WebhookPage } from "@/features/webhooks/webhook-page";

export function generateStaticParams() {
  return [{ webhook: "_" }];
}

export default function Webhook() {
  return (
    <Suspense>
      <WebhookPage />
    </Suspense>
  );
}
