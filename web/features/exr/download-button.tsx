"use client";
import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useArtifactLink, type ArtifactFile } from "@/shared/pictures/artifact-link";
import { strings } from "@/strings/en";

export function DownloadButton(file: ArtifactFile) {
  return (
    <Button
      component="a"
      {...useArtifactLink(file)}
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
    >
      {strings.player.exr.download}
    </Button>
  );
}
