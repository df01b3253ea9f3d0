"use client";
// The job's files as one zip, by a signed link: a browser can load it without a credential, and so can others.
import { modals } from "@mantine/modals";
import { api, type Schemas } from "@/shared/api/client";
import { downloadLink } from "@/shared/api/download";
import { formatTime } from "@/shared/format/format";
import { linkOf } from "@/shared/pictures/picture-file";
import { CopyField } from "@/shared/ui/copy-field";
import { notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";

export function useArchive(job: JobDetail) {
  const params = useJobParams(job.id);

  async function link(): Promise<Schemas["ArchiveLink"] | null> {
    try {
      return (await api.GET("/v1/jobs/{job_id}/archive/link", { params })).data!;
    } catch (error) {
      notifyProblem(error);
      return null;
    }
  }

  return {
    async download() {
      const made = await link();
      // The path alone: the farm may be reached by another name than its public one.
      if (made !== null) downloadLink(linkOf(made.url));
    },
    async copyLink() {
      const made = await link();
      if (made === null) return;
      const words = strings.job.actions;
      modals.open({
        title: words.linkTitle,
        closeButtonProps: { "aria-label": strings.shell.close },
        children: (
          <CopyField
            label={words.linkTitle}
            description={words.linkWords(formatTime(made.expires_at))}
            value={made.url}
          />
        ),
      });
    },
  };
}
