"use client";
// Lets in who is signed in; sends others to the sign-in page, and back where they were afterwards.
import { Center } from "@mantine/core";
import { useRouter } from "next/navigation";
import { useEffect, useState, type ReactNode } from "react";
import { restoreSession } from "@/shared/session/session";
import { useSession } from "@/shared/session/use-session";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Loading } from "@/shared/ui/query-states";

export function SessionGate({ children }: { children: ReactNode }) {
  const session = useSession();
  const router = useRouter();
  const [problem, setProblem] = useState<unknown>(null);

  useEffect(() => {
    restoreSession().catch(setProblem);
  }, []);
  useEffect(() => {
    if (session.state !== "nobody") return;
    const here = `${location.pathname}${location.search}`;
    const query = new URLSearchParams({ next: here, ...(session.why === undefined ? {} : { why: session.why }) });
    router.replace(`/sign-in/?${query}`);
  }, [session, router]);

  if (session.state === "person" || session.state === "key") return children;
  if (problem === null) return <Loading />;
  return (
    <Center p="xl">
      <ProblemBox
        error={problem}
        onRetry={() => {
          setProblem(null);
          restoreSession().catch(setProblem);
        }}
      />
    </Center>
  );
}
