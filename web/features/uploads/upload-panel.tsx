"use client";
// All uploads, in the corner of every page: they go on while one walks about.
import { Affix, ActionIcon, Group, Paper, ScrollArea, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronUp, IconCloudUpload } from "@tabler/icons-react";
import { useEffect } from "react";
import { strings } from "@/strings/en";
import { uploads } from "./engine/page-uploads";
import { isUnderWay } from "./engine/upload";
import { UploadRow } from "./upload-row";
import { useUploads } from "./use-uploads";

export function UploadPanel() {
  const list = useUploads();
  const [isOpen, panel] = useDisclosure(true);
  useEffect(() => void uploads.recall(), []);
  if (list.length === 0) return null;
  const underWay = list.filter(isUnderWay).length;
  const title = underWay > 0 ? strings.uploads.underWay(underWay) : strings.uploads.done(list.length);
  const Chevron = isOpen ? IconChevronDown : IconChevronUp;
  const label = isOpen ? strings.uploads.hide : strings.uploads.show;
  return (
    <Affix position={{ bottom: 12, right: 12 }} zIndex={150}>
      <Paper
        component="section"
        aria-label={strings.uploads.title}
        withBorder
        shadow="md"
        radius="md"
        w={{ base: "calc(100vw - 24px)", xs: 380 }}
      >
        <Group justify="space-between" px="sm" py={6} wrap="nowrap">
          <UnstyledButton onClick={panel.toggle} flex={1} aria-expanded={isOpen}>
            <Group gap="xs" wrap="nowrap">
              <IconCloudUpload size={18} aria-hidden />
              <Text size="sm" fw={600} aria-live="polite">
                {title}
              </Text>
            </Group>
          </UnstyledButton>
          <ActionIcon onClick={panel.toggle} aria-label={label}>
            <Chevron size={16} aria-hidden />
          </ActionIcon>
        </Group>
        {isOpen && (
          <ScrollArea.Autosize mah="min(50vh, 420px)" type="auto">
            <Stack gap={0}>
              {list.map((upload) => (
                <UploadRow key={upload.id} upload={upload} />
              ))}
            </Stack>
          </ScrollArea.Autosize>
        )}
      </Paper>
    </Affix>
  );
}
