"use client";
// A notice of the browser when the job ends, for who asked for it. It lasts as long as the page is open.
import { useEffect, useState } from "react";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { formatNumber } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { JobDetail } from "./job-context";

/** `none`: the job has ended, or browsers have no notices on such a page. */
export type EndNoticeState = "none" | "off" | "on";

export function useEndNotice(job: JobDetail) {
  const [isOn, setOn] = useState(false);
  const isOver = job.ended_at != null;

  useEffect(() => {
    if (!isOn || !isOver) return;
    const { counts } = job;
    const ended = counts.committed + counts.reused;
    const title = strings.job.notice.title(job.name, strings.jobStates[job.state]);
    const body = strings.job.notice.body(formatNumber(ended), formatNumber(counts.total));
    try {
      const notice = new Notification(title, { body, tag: job.id });
      notice.onclick = () => {
        window.focus();
        notice.close();
      };
    } catch {
      notifyDone(title); // Chrome on Android has notices of service workers alone
    }
    // The notice is of the moment in which it ends; later words of the job make no other.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isOn, isOver]);

  const state: EndNoticeState = isOver || !("Notification" in globalThis) ? "none" : isOn ? "on" : "off";
  return {
    state,
    async ask() {
      const permission = await Notification.requestPermission();
      if (permission === "granted") setOn(true);
      else notifyProblem(new Error(strings.job.actions.notifyRefused));
    },
    forget: () => setOn(false),
  };
}
