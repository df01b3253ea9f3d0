"use client";
// Keys of a project or of the farm: `<KeysPanel scope={{ project: slug }} />`, `<KeysPanel scope="farm" />`.
import { Button, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone } from "@/shared/ui/notify";
import { Section } from "@/shared/ui/section";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { rolesOf, type AccessScope } from "./access-scope";
import { KeyForm } from "./key-form";
import { KeyTable } from "./key-table";
import { useKeyActions, useKeys, useServiceAccounts, type Key, type MadeKey } from "./use-keys";

interface KeysPanelProps {
  scope: AccessScope;
  /** Shows the secret of a key that was just made. */
  onMade: (key: MadeKey) => void;
}

export function KeysPanel({ scope, onMade }: KeysPanelProps) {
  const query = useKeys(scope);
  const services = useServiceAccounts(scope);
  const { create, revoke } = useKeyActions(scope);
  const [isCreating, creation] = useDisclosure(false);
  const names = new Map(services.data && itemsOf(services.data).map((each) => [each.id, each.name]));
  const button = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={creation.open}>
      {strings.keys.create}
    </Button>
  );

  async function revokeKey(key: Key) {
    await revoke(key.id);
    notifyDone(strings.keys.revoked(key.name));
  }

  return (
    <Section
      title={strings.keys.keys}
      words={scope === "farm" ? strings.keys.farmWords : strings.keys.words}
      actions={button}
    >
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={<Empty icon={<IconKey aria-hidden />} title={strings.keys.none} words={strings.keys.noneWords} />}
      >
        {(data) => (
          <Stack>
            <KeyTable keys={itemsOf(data)} services={names} onRevoke={revokeKey} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <KeyForm
        isOpen={isCreating}
        title={strings.keys.create}
        roles={rolesOf(scope)}
        onCreate={async (wish, role) => onMade(await create(wish, role))}
        onClose={creation.close}
      />
    </Section>
  );
}
