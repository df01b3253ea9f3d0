import { ComparePage } from "@/features/compare/compare-page";

export default function ComparePageRoute() {
  return <ComparePage />;
}
