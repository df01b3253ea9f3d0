"use client";
// A notice of the browser when the job ends, for who asked for it: on any page of the app, and after a reload.
import { useRouter } from "next/navigation";
import type { Schemas } from "@/shared/api/client";
import { useProject } from "@/shared/api/project";
import { notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { askForEnd, forgetEnd, useAskedJobs } from "./asked-jobs";
import { tellIfEnded } from "./tell-end";

/** `none`: the job has ended, or browsers have no notices on such a page. */
export type EndNoticeState = "none" | "off" | "on";

export function useEndNotice(job: Schemas["JobDetail"]) {
  const asked = { id: job.id, project: useProject() };
  const { push } = useRouter();
  const isOn = useAskedJobs().some(({ id }) => id === job.id);
  const hasNone = job.ended_at != null || !("Notification" in globalThis);
  const state: EndNoticeState = hasNone ? "none" : isOn ? "on" : "off";
  return {
    state,
    async ask() {
      if ((await Notification.requestPermission()) !== "granted") {
        notifyProblem(new Error(strings.job.actions.notifyRefused));
        return;
      }
      askForEnd(asked);
      await tellIfEnded(asked, push); // it may have ended while the browser asked
    },
    forget: () => void forgetEnd(job.id),
  };
}
