import type { ReactNode } from "react";

// One page is exported for all projects; the slug is read from the address, and the server knows (docs/web.md). In
// development any slug is served, so nothing here forbids others.

export function generateStaticParams() {
  return [{ slug: "_" }];
}

export default function ProjectLayout({ children }: { children: ReactNode }) {
  return children;
}
