import { Suspense } from "react";
import { BlocklistsPage } from "@/features/farm/blocklists-page";

export default function Blocklists() {
  return (
    <Suspense>
      <BlocklistsPage />
    </Suspense>
  );
}
