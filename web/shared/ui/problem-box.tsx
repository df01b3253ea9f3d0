// An error as people should meet it: what went wrong, what to do, and the id that an operator finds in the log.
import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { asProblem } from "@/shared/api/problem";
import { strings } from "@/strings/en";

interface ProblemBoxProps {
  error: unknown;
  /** Given where trying again may help. */
  onRetry?: () => void;
}

export function ProblemBox({ error, onRetry }: ProblemBoxProps) {
  const problem = asProblem(error);
  return (
    <Alert color="red" variant="light" role="alert" icon={<IconAlertTriangle aria-hidden />} title={problem.message}>
      <Stack gap="xs">
        {problem.remedy !== null && <Text size="sm">{problem.remedy}</Text>}
        <Group justify="space-between">
          {problem.requestId === null ? (
            <span />
          ) : (
            <Text size="xs" c="dimmed">
              {strings.shell.requestId} <Code>{problem.requestId}</Code>
            </Text>
          )}
          {onRetry !== undefined && (
            <Button size="xs" variant="default" onClick={onRetry}>
              {strings.shell.tryAgain}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
