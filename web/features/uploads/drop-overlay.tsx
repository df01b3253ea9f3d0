// What covers the page while files are held over it.
import { Center, Overlay, Paper, Stack, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";

export function DropOverlay({ isShown, title, words }: { isShown: boolean; title: string; words: string }) {
  if (!isShown) return null;
  return (
    <Overlay fixed backgroundOpacity={0.5} blur={2} zIndex={400} style={{ pointerEvents: "none" }}>
      <Center h="100%">
        <Paper p="xl" radius="lg" withBorder shadow="lg" maw={420}>
          <Stack align="center" gap="xs">
            <IconUpload size={40} stroke={1.5} aria-hidden />
            <Text fw={650} size="lg">
              {title}
            </Text>
            <Text c="dimmed" ta="center">
              {words}
            </Text>
          </Stack>
        </Paper>
      </Center>
    </Overlay>
  );
}
