import { MembersPage } from "@/features/members/members-page";

export default function Members() {
  return <MembersPage />;
}
