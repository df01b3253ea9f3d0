import type { ReactNode } from "react";
import { EndNotices } from "@/features/end-notices/end-notices";
import { UploadCorner } from "@/features/uploads/upload-corner";
import { Shell } from "@/shared/shell/shell";

export default function BehindTheSignIn({ children }: { children: ReactNode }) {
  return (
    <Shell>
      {children}
      <UploadCorner />
      <EndNotices />
    </Shell>
  );
}
