// Tells of a job's end, once: by a notice of the browser, or in the page where the browser has none for pages.
import { api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { projectHeader } from "@/shared/api/project";
import { formatNumber } from "@/shared/format/format";
import { notifyDone } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { forgetEnd, type AskedJob } from "./asked-jobs";

/** `open` goes to an address of the app. Where the farm cannot be asked, the job stays asked for. */
export async function tellIfEnded({ id, project }: AskedJob, open: (address: string) => void): Promise<void> {
  const job = await read(id, project);
  if (job?.ended_at == null || !forgetEnd(id)) return;
  const title = strings.job.notice.title(job.name, strings.jobStates[job.state]);
  const { committed, reused, total } = job.counts;
  const body = strings.job.notice.body(formatNumber(committed + reused), formatNumber(total));
  try {
    const notice = new Notification(title, { body, tag: id });
    notice.onclick = () => {
      window.focus();
      open(`/projects/${encodeURIComponent(project)}/jobs/${id}/`);
      notice.close();
    };
  } catch {
    notifyDone(title); // Chrome on Android has notices of service workers alone
  }
}

async function read(id: string, project: string): Promise<Schemas["JobDetail"] | null> {
  try {
    const params = { header: projectHeader(project), path: { job_id: id } };
    return (await api.GET("/v1/jobs/{job_id}", { params })).data ?? null;
  } catch (error) {
    if ([403, 404].includes(asProblem(error).status)) forgetEnd(id);
    return null;
  }
}
