"use client";
// A folder or files by the browser's own dialog, for whoever does not drag.
import { Button, FileButton, Group } from "@mantine/core";
import { IconFile, IconFolder } from "@tabler/icons-react";
import { useRef } from "react";
import { strings } from "@/strings/en";

export function PickButtons({ onPicked }: { onPicked: (files: File[]) => void }) {
  const folder = useRef<HTMLInputElement>(null);
  return (
    <Group gap="xs" justify="center">
      <Button
        variant="default"
        leftSection={<IconFolder size={16} aria-hidden />}
        onClick={() => folder.current?.click()}
      >
        {strings.uploads.pickFolder}
      </Button>
      <input
        ref={(input) => {
          input?.setAttribute("webkitdirectory", "");
          folder.current = input;
        }}
        type="file"
        multiple
        hidden
        data-testid="pick-folder"
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = "";
          if (files.length > 0) onPicked(files);
        }}
      />
      <FileButton multiple onChange={onPicked} inputProps={{ "data-testid": "pick-files" } as object}>
        {(button) => (
          <Button {...button} variant="default" leftSection={<IconFile size={16} aria-hidden />}>
            {strings.uploads.pickFiles}
          </Button>
        )}
      </FileButton>
    </Group>
  );
}
