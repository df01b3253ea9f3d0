// The three faces of anything that is fetched, so that no page forgets one: loading, failed, empty.
import { Center, Loader, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { strings } from "@/strings/en";
import { ProblemBox } from "./problem-box";

interface QueryStatesProps<Data> {
  query: { data: Data | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  /** Whether there is nothing to show; then `empty` is. */
  isEmpty?: (data: Data) => boolean;
  empty?: ReactNode;
  children: (data: Data) => ReactNode;
}

export function QueryStates<Data>({ query, isEmpty, empty, children }: QueryStatesProps<Data>) {
  if (query.data !== undefined) {
    return isEmpty?.(query.data) === true && empty !== undefined ? empty : children(query.data);
  }
  if (query.error !== null && query.error !== undefined) {
    return <ProblemBox error={query.error} onRetry={() => void query.refetch()} />;
  }
  return <Loading />;
}

export function Loading() {
  return (
    <Center mih={160} role="status" aria-label={strings.shell.loading}>
      <Loader type="dots" />
    </Center>
  );
}

interface EmptyProps {
  icon?: ReactNode;
  title: string;
  words?: string;
  action?: ReactNode;
  /** Rank of its heading: 1 where it is all that the page says. */
  rank?: 1 | 2;
}

export function Empty({ icon, title, words, action, rank = 2 }: EmptyProps) {
  return (
    <Stack align="center" gap="xs" py="xl" ta="center">
      {icon}
      <Title order={rank} size="h4">
        {title}
      </Title>
      {words !== undefined && (
        <Text c="dimmed" maw={480}>
          {words}
        </Text>
      )}
      {action}
    </Stack>
  );
}
