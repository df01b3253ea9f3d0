"use client";
import { useProject } from "@/shared/api/project";
import { Page } from "@/shared/ui/page";
import { strings } from "@/strings/en";
import { AccessKeys } from "./access-keys";

export function KeysPage() {
  const project = useProject();
  return (
    <Page title={strings.keys.title}>
      <AccessKeys key={project} scope={{ project }} />
    </Page>
  );
}
