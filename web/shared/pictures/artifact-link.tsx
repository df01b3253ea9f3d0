"use client";
// A file to the disk, by a link that is made at the click: a page may be open for longer than a link is good.
import { Anchor, type AnchorProps } from "@mantine/core";
import type { MouseEvent, ReactNode } from "react";
import { api } from "@/shared/api/client";
import { downloadLink } from "@/shared/api/download";
import { useProjectHeader } from "@/shared/api/project";
import { notifyProblem } from "@/shared/ui/notify";
import { linkOf } from "./picture-file";

export interface ArtifactFile {
  id: string;
  name: string;
  /** For a new tab, or to be copied. */
  url: string;
}

/** What a link to the file is given. */
export function useArtifactLink({ id, name, url }: ArtifactFile) {
  const header = useProjectHeader();

  async function downloadAnew() {
    try {
      const { data } = await api.GET("/v1/artifacts/{artifact_id}", { params: { header, path: { artifact_id: id } } });
      downloadLink(linkOf(data?.url ?? url), name);
    } catch (error) {
      notifyProblem(error);
    }
  }

  return {
    href: linkOf(url),
    download: name,
    onClick(click: MouseEvent) {
      click.preventDefault();
      void downloadAnew();
    },
  };
}

interface ArtifactLinkProps extends Omit<AnchorProps, "href" | "download"> {
  file: ArtifactFile;
  "aria-label"?: string;
  children: ReactNode;
}

export function ArtifactLink({ file, ...rest }: ArtifactLinkProps) {
  return <Anchor {...useArtifactLink(file)} {...rest} />;
}
