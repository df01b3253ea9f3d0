// Below a list that is read page by page; gone when all is there.
import { Button, Center, Stack } from "@mantine/core";
import { strings } from "@/strings/en";
import { ProblemBox } from "./problem-box";

interface LoadMoreProps {
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage: () => unknown;
  };
}

export function LoadMore({ query }: LoadMoreProps) {
  if (!query.hasNextPage) return null;
  return (
    <Stack>
      {query.isFetchNextPageError && <ProblemBox error={query.error} />}
      <Center>
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {strings.ui.loadMore}
        </Button>
      </Center>
    </Stack>
  );
}
