import type { ReactNode } from "react";
import { UploadCorner } from "@/features/uploads/upload-corner";
import { Shell } from "@/shared/shell/shell";

export default function BehindTheSignIn({ children }: { children: ReactNode }) {
  return (
    <Shell>
      {children}
      <UploadCorner />
    </Shell>
  );
}
