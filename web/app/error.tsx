"use client";
// What stands in the place of a page that broke; the rest of the app goes on.
import { Container } from "@mantine/core";
import { ProblemBox } from "@/shared/ui/problem-box";

export default function BrokenPage({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <Container component="main" py="xl">
      <ProblemBox error={error} onRetry={reset} />
    </Container>
  );
}
