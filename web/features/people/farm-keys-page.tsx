"use client";
import { AccessKeys } from "@/features/keys/access-keys";
import { Page } from "@/shared/ui/page";
import { strings } from "@/strings/en";

export function FarmKeysPage() {
  return (
    <Page title={strings.keys.farmTitle}>
      <AccessKeys scope="farm" />
    </Page>
  );
}
