"use client";
// All of it: service accounts, keys, and the secret of the one that was just made.
import { Text } from "@mantine/core";
import { useState } from "react";
import { SecretDialog } from "@/shared/ui/secret-dialog";
import { strings } from "@/strings/en";
import type { AccessScope } from "./access-scope";
import { KeysPanel } from "./keys-panel";
import { ServicesPanel } from "./services-panel";
import type { MadeKey } from "./use-keys";

/** `<AccessKeys scope={{ project: slug }} />` of a project, `<AccessKeys scope="farm" />` of the farm. */
export function AccessKeys({ scope }: { scope: AccessScope }) {
  const [made, setMade] = useState<MadeKey | null>(null);
  return (
    <>
      <KeysPanel scope={scope} onMade={setMade} />
      <ServicesPanel scope={scope} onMade={setMade} />
      <SecretDialog
        title={strings.keys.madeTitle(made?.name ?? "")}
        label={strings.keys.secret}
        secret={made?.key ?? null}
        onClose={() => setMade(null)}
      >
        <Text size="sm">{strings.keys.secretWords}</Text>
      </SecretDialog>
    </>
  );
}
