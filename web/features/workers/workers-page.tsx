"use client";
// Replicas and machines: what each does, and what an operator can tell it.
import { Button, Tabs, TextInput } from "@mantine/core";
import { IconCpu, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useAddress } from "@/shared/ui/use-address";
import { useReplicas } from "@/features/farm/use-overview";
import { $api } from "@/shared/api/client";
import { useRefreshOn } from "@/shared/live/refresh-on";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { ReadAgain } from "@/shared/ui/read-again";
import { strings } from "@/strings/en";
import { NodeTable } from "./node-table";
import { ReplicaTable } from "./replica-table";
import { replicaFits } from "./worker-names";

const WORDS = strings.workers;

export function WorkersPage() {
  const { get, set } = useAddress();
  const [words, setWords] = useState(get("q") ?? ""); // beside the address, which follows a moment later
  function find(next: string) {
    setWords(next);
    set({ q: next === "" ? null : next });
  }
  return (
    <Page title={WORDS.title} actions={<ReadAgain />}>
      <TextInput
        aria-label={WORDS.find}
        placeholder={WORDS.findHint}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={words}
        onChange={(event) => find(event.currentTarget.value)}
        maw={420}
        type="search"
      />
      <Tabs
        value={get("tab") ?? "replicas"}
        onChange={(tab) => set({ tab: tab === "replicas" ? null : tab })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="replicas">{WORDS.tabs.replicas}</Tabs.Tab>
          <Tabs.Tab value="nodes">{WORDS.tabs.nodes}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="replicas" pt="md">
          <Replicas words={words} onAll={() => find("")} />
        </Tabs.Panel>
        <Tabs.Panel value="nodes" pt="md">
          <Nodes words={words} onAll={() => find("")} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

interface ListProps {
  words: string;
  onAll: () => void;
}

function Replicas({ words, onAll }: ListProps) {
  const query = useReplicas();
  useRefreshOn({ "frames.": ["/v1/replicas"] });
  return (
    <QueryStates
      query={query}
      isEmpty={(page) => page.items.length === 0}
      empty={<Empty icon={<IconCpu aria-hidden />} title={WORDS.noReplicas} words={WORDS.noReplicasWords} />}
    >
      {(page) => {
        const shown = page.items.filter((replica) => replicaFits(replica, words));
        return shown.length === 0 ? <NoneFits onAll={onAll} /> : <ReplicaTable replicas={shown} />;
      }}
    </QueryStates>
  );
}

function Nodes({ words, onAll }: ListProps) {
  const query = $api.useQuery("get", "/v1/nodes", {}, { refetchOnWindowFocus: "always" });
  useRefreshOn({ "chunk.": ["/v1/nodes"], "frames.": ["/v1/nodes"] });
  return (
    <QueryStates
      query={query}
      isEmpty={(page) => page.items.length === 0}
      empty={<Empty icon={<IconCpu aria-hidden />} title={WORDS.noNodes} />}
    >
      {(page) => {
        const shown = page.items.filter((node) => node.name.toLowerCase().includes(words.toLowerCase()));
        return shown.length === 0 ? <NoneFits onAll={onAll} /> : <NodeTable nodes={shown} />;
      }}
    </QueryStates>
  );
}

function NoneFits({ onAll }: { onAll: () => void }) {
  return (
    <Empty
      title={WORDS.noneFits}
      words={WORDS.noneFitsWords}
      action={
        <Button variant="default" onClick={onAll}>
          {WORDS.showAll}
        </Button>
      }
    />
  );
}
