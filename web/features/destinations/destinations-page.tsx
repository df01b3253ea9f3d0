"use client";
import { Button, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCloudUpload, IconPlus } from "@tabler/icons-react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { LoadMore } from "@/shared/ui/load-more";
import { Page } from "@/shared/ui/page";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { NewDestination } from "./destination-forms";
import { DestinationTable } from "./destination-table";
import { useDestinations } from "./use-destinations";

export function DestinationsPage() {
  const query = useDestinations();
  const [isCreating, creation] = useDisclosure(false);
  return (
    <Page
      title={strings.destinations.title}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={creation.open}>
          {strings.destinations.create}
        </Button>
      }
    >
      <Text c="dimmed" maw={640}>
        {strings.destinations.words}
      </Text>
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={
          <Empty
            icon={<IconCloudUpload aria-hidden />}
            title={strings.destinations.none}
            words={strings.destinations.noneWords}
          />
        }
      >
        {(data) => (
          <Stack>
            <DestinationTable destinations={itemsOf(data)} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <NewDestination isOpen={isCreating} onClose={creation.close} />
    </Page>
  );
}
