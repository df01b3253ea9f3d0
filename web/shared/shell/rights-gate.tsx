"use client";
// Says plainly that a page is for others, where somebody came to it by a link: the page itself would be refused.
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { IconLock } from "@tabler/icons-react";
import { useMay, useMe } from "@/shared/api/me";
import { useProjectOrNone } from "@/shared/api/project";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Page } from "@/shared/ui/page";
import { Empty, Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { pageAt } from "./pages";

export function RightsGate({ children }: { children: ReactNode }) {
  const me = useMe();
  const may = useMay();
  const page = pageAt(usePathname() ?? "", useProjectOrNone());
  if (page === null || may(page.needs)) return children;
  if (me.data === undefined && me.error === null) return <Loading />;
  const title = strings.shell.pages[page.name];
  return (
    <Page title={title}>
      {me.error !== null ? (
        <ProblemBox error={me.error} onRetry={() => void me.refetch()} />
      ) : (
        <Empty icon={<IconLock aria-hidden />} title={strings.shell.notYours} words={strings.shell.notYoursWords} />
      )}
    </Page>
  );
}
