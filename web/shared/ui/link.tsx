// A link to another page of the app. Pages come when they are gone to: the navigation alone shows twenty, and fetching
// what stands in sight would load the scripts of all of them.
import NextLink from "next/link";
import type { ComponentProps } from "react";

export function Link(props: ComponentProps<typeof NextLink>) {
  return <NextLink prefetch={false} {...props} />;
}
