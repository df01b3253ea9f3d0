"use client";
// The file to the disk, by a link that is made at the click: the page may be open for longer than a link is good.
import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { MouseEvent } from "react";
import { api } from "@/shared/api/client";
import { downloadLink } from "@/shared/api/download";
import { useProjectHeader } from "@/shared/api/project";
import { linkOf } from "@/shared/pictures/picture-file";
import { notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";

/** `url`: for a new tab, or to be copied. */
export function DownloadButton({ id, name, url }: { id: string; name: string; url: string }) {
  const header = useProjectHeader();

  async function downloadAnew(click: MouseEvent) {
    click.preventDefault();
    try {
      const { data } = await api.GET("/v1/artifacts/{artifact_id}", { params: { header, path: { artifact_id: id } } });
      downloadLink(linkOf(data?.url ?? url), name);
    } catch (error) {
      notifyProblem(error);
    }
  }

  return (
    <Button
      component="a"
      href={linkOf(url)}
      download={name}
      onClick={(click: MouseEvent) => void downloadAnew(click)}
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
    >
      {strings.player.exr.download}
    </Button>
  );
}
