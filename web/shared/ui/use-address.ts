"use client";
// What is chosen on a page stands in its address, so that a link shows the same: `?tab=events&frame=12`.
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback } from "react";

export interface Address {
  get: (name: string) => string | null;
  /** null takes a part away. What is read is from the address as it is then, so two changes do not undo each other. */
  set: (changes: Readonly<Record<string, string | null>>) => void;
}

/** Only within <Suspense>: a static export does not know what stands behind the question mark. */
export function useAddress(): Address {
  const router = useRouter();
  const path = usePathname();
  const query = useSearchParams();
  const set = useCallback(
    (changes: Readonly<Record<string, string | null>>) => {
      const next = new URLSearchParams(window.location.search);
      for (const [part, value] of Object.entries(changes)) {
        if (value === null) next.delete(part);
        else next.set(part, value);
      }
      const text = next.toString();
      router.replace(text === "" ? path : `${path}?${text}`, { scroll: false });
    },
    [router, path],
  );
  return { get: (part) => query?.get(part) ?? null, set };
}
