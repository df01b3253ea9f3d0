import { ExrPage } from "@/features/exr/exr-page";

export default function Exr() {
  return <ExrPage />;
}
