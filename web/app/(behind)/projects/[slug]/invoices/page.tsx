import { InvoicesPage } from "@/features/usage/invoices-page";

export default function Invoices() {
  return <InvoicesPage />;
}
