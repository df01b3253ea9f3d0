import type { ReactNode } from "react";

// As for projects: one page of each kind is exported for all jobs.
export function generateStaticParams() {
  return [{ job: "_" }];
}

export default function JobLayout({ children }: { children: ReactNode }) {
  return children;
}
