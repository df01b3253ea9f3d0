import { ReturnPage } from "@/features/sign-in/return-page";

export default function Return() {
  return <ReturnPage />;
}
