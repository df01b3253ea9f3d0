import { AcceptPage } from "@/features/sign-in/accept-page";

export default function Accept() {
  return <AcceptPage />;
}
