"use client";
// What every page stands in: theme, dialogs, notifications, the query cache, and the session.
import { MantineProvider } from "@mantine/core";
import { ModalsProvider, modals } from "@mantine/modals";
import { Notifications, notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { asProblem } from "@/shared/api/problem";
import { currentSession, followOtherTabs, restoreSession, subscribeToSession } from "@/shared/session/session";
import { strings } from "@/strings/en";
import { cssVariables, theme } from "./theme";

const MOST_TRIES = 3;
/** Those that stay must not keep a newer one back, such as an Undo that is there for seconds. */
const MOST_NOTICES = 50;

export function Providers({ children }: { children: ReactNode }) {
  const [queries] = useState(newQueryClient);
  useEffect(() => {
    void restoreSession().catch(() => undefined); // the gate of the shell shows that, and tries again
    // Nothing of one person is shown to the next at the same browser.
    const ends = [
      followOtherTabs(),
      subscribeToSession(() => {
        if (currentSession().state !== "nobody") return;
        queries.clear();
        modals.closeAll();
        notifications.clean();
      }),
    ];
    return () => ends.forEach((end) => end());
  }, [queries]);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <ModalsProvider labels={{ confirm: strings.shell.confirm, cancel: strings.shell.cancel }}>
          {children}
          <Notifications position="bottom-right" limit={MOST_NOTICES} />
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        refetchOnWindowFocus: false, // the feed keeps what is shown fresh
        retry: (tries, error) => tries < MOST_TRIES && asProblem(error).isPassing,
      },
    },
  });
}
