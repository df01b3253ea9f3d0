"use client";
// What can be done with the job: what its state asks for as buttons, the rest in a menu.
import { Button, Group, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconBell,
  IconBellOff,
  IconChevronDown,
  IconCopy,
  IconDownload,
  IconLink,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconStack2,
} from "@tabler/icons-react";
import dynamic from "next/dynamic";
import { useEndNotice } from "@/features/end-notices/use-end-notice";
import { Link } from "@/shared/ui/link";
import { useMay } from "@/shared/api/me";
import { useProject } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { CancelButton } from "./cancel-button";
import type { JobDetail } from "./job-context";
import { useArchive } from "./use-archive";
import { allows, useJobCommands } from "./use-job-commands";

const ChangeDialog = dynamic(() => import("./change-dialog").then((module) => module.ChangeDialog), { ssr: false });
const StepDialog = dynamic(() => import("./step-dialog").then((module) => module.StepDialog), { ssr: false });

const words = strings.job.actions;

export function JobActions({ job }: { job: JobDetail }) {
  const may = useMay();
  const mayRender = may("project:render");
  const { run, running } = useJobCommands(job);
  return (
    <Group gap="xs" role="group" aria-label={words.label}>
      {mayRender && allows(job, "pause") && (
        <Button
          variant="default"
          leftSection={<IconPlayerPause size={16} aria-hidden />}
          loading={running === "pause"}
          onClick={() => void run("pause")}
        >
          {words.pause}
        </Button>
      )}
      {mayRender && allows(job, "resume") && (
        <Button
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
          loading={running === "resume"}
          onClick={() => void run("resume")}
        >
          {words.resume}
        </Button>
      )}
      {mayRender && job.counts.failed > 0 && allows(job, "retry") && (
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} aria-hidden />}
          loading={running === "retry"}
          onClick={() => void run("retry")}
        >
          {words.retry}
        </Button>
      )}
      {mayRender && job.state !== "awaiting_approval" && <CancelButton job={job} words={words.cancel} />}
      <MoreMenu job={job} mayRender={mayRender} />
    </Group>
  );
}

function MoreMenu({ job, mayRender }: { job: JobDetail; mayRender: boolean }) {
  const project = useProject();
  const [isChanging, change] = useDisclosure(false);
  const [isAdding, adding] = useDisclosure(false);
  const archive = useArchive(job);
  const notice = useEndNotice(job);
  const hasFiles = job.counts.committed + job.counts.reused > 0 && job.outputs_expired_at == null;
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={16} aria-hidden />}>
            {words.more}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {hasFiles && (
            <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => void archive.download()}>
              {words.zip}
            </Menu.Item>
          )}
          {hasFiles && (
            <Menu.Item leftSection={<IconLink size={16} aria-hidden />} onClick={() => void archive.copyLink()}>
              {words.link}
            </Menu.Item>
          )}
          {mayRender && (
            <>
              <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={change.open}>
                {words.change}
              </Menu.Item>
              <Menu.Item
                leftSection={<IconCopy size={16} aria-hidden />}
                component={Link}
                href={`/projects/${project}/jobs/new/?clone=${job.id}`}
              >
                {words.clone}
              </Menu.Item>
            </>
          )}
          {mayRender && hasFiles && (
            <Menu.Item leftSection={<IconStack2 size={16} aria-hidden />} onClick={adding.open}>
              {words.addStep}
            </Menu.Item>
          )}
          {notice.state === "off" && (
            <Menu.Item leftSection={<IconBell size={16} aria-hidden />} onClick={() => void notice.ask()}>
              {words.notify}
            </Menu.Item>
          )}
          {notice.state === "on" && (
            <Menu.Item leftSection={<IconBellOff size={16} aria-hidden />} onClick={notice.forget}>
              {words.stopNotify}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {isChanging && <ChangeDialog job={job} onClose={change.close} />}
      {isAdding && <StepDialog job={job} onClose={adding.close} />}
    </>
  );
}
