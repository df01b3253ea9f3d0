import { Anchor, Center } from "@mantine/core";
import { Empty } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";

export default function NotFound() {
  return (
    <Center mih="100vh" component="main">
      <Empty
        rank={1}
        title={strings.shell.notFound}
        words={strings.shell.notFoundWords}
        action={<Anchor href="/">{strings.shell.toStart}</Anchor>}
      />
    </Center>
  );
}
