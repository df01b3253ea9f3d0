// Renders a component as the app would: theme, queries and, where a test gives it, somebody who is signed in.
import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactElement, ReactNode } from "react";
import { theme } from "@/shared/ui/theme";

export function renderInApp(element: ReactElement) {
  const queries = new QueryClient({
    defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false }, mutations: { retry: false } },
  });
  const Wrapper = ({ children }: { children: ReactNode }) => (
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={queries}>
        <ModalsProvider>
          {children}
          <Notifications />
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
  return { queries, ...render(element, { wrapper: Wrapper }) };
}
