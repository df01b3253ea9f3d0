"use client";
import { ActionIcon, Button, Group, Text, Tooltip } from "@mantine/core";
import { IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { strings } from "@/strings/en";
import type { ViewControl } from "./use-view";

const words = strings.player.compare;
const STEP = 1.5;

export function ZoomButtons({ control }: { control: ViewControl }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={words.zoomOut}>
        <ActionIcon aria-label={words.zoomOut} onClick={() => control.zoom(1 / STEP)}>
          <IconZoomOut size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Text size="xs" w={48} ta="center" style={{ fontVariantNumeric: "tabular-nums" }}>
        {words.zoom(Math.round(control.view.scale * 100))}
      </Text>
      <Tooltip label={words.zoomIn}>
        <ActionIcon aria-label={words.zoomIn} onClick={() => control.zoom(STEP)}>
          <IconZoomIn size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Button size="compact-xs" variant="default" onClick={control.fit}>
        {words.fit}
      </Button>
      <Button size="compact-xs" variant="default" onClick={control.actualSize}>
        {strings.player.actualSize}
      </Button>
    </Group>
  );
}
