import { WebhooksPage } from "@/features/webhooks/webhooks-page";

export default function Webhooks() {
  return <WebhooksPage />;
}
