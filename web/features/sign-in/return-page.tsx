"use client";
// Where the identity provider sends the browser back to.
import { Anchor } from "@mantine/core";
import { useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Loading } from "@/shared/ui/query-states";
import { strings } from "@/strings/en";
import { Door } from "./door";
import { finishSingleSignOn } from "./single-sign-on";

export function ReturnPage() {
  const router = useRouter();
  const [problem, setProblem] = useState<unknown>(null);
  const isBegun = useRef(false);

  useEffect(() => {
    if (isBegun.current) return; // a code is good once
    isBegun.current = true;
    const query = new URLSearchParams(location.search);
    history.replaceState(null, "", location.pathname); // the code stays in no history
    finishSingleSignOn(query).then((next) => router.replace(next), setProblem);
  }, [router]);

  return (
    <Door title={strings.signIn.returning}>
      {problem === null ? (
        <Loading />
      ) : (
        <>
          <ProblemBox error={problem} />
          <Anchor href="/sign-in/">{strings.signIn.title}</Anchor>
        </>
      )}
    </Door>
  );
}
