"use client";
// The actions on one worker, for who may operate the farm.
import { ActionIcon, Menu } from "@mantine/core";
import { IconDotsVertical, IconLogout, IconPlayerPause, IconPlayerPlay, IconRotate } from "@tabler/icons-react";
import { useState } from "react";
import { useMay } from "@/shared/api/me";
import { strings } from "@/strings/en";
import { ActDialog } from "./act-dialog";
import type { Act, Worker } from "./worker-acts";

const ICONS = { drain: IconLogout, restart: IconRotate, disable: IconPlayerPause, enable: IconPlayerPlay };

interface WorkerMenuProps {
  worker: Worker;
  isDisabled: boolean;
  isDraining: boolean;
}

export function WorkerMenu({ worker, isDisabled, isDraining }: WorkerMenuProps) {
  const may = useMay();
  const [act, setAct] = useState<Act | null>(null);
  if (!may("farm:operate")) return null;
  const acts: Act[] = [isDisabled ? "enable" : "disable", ...(isDraining ? [] : (["restart", "drain"] as const))];
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon aria-label={strings.workers.actionsOf(worker.name)}>
            <IconDotsVertical size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {acts.map((each) => {
            const Icon = ICONS[each];
            return (
              <Menu.Item
                key={each}
                leftSection={<Icon size={16} aria-hidden />}
                onClick={() => setAct(each)}
                color={each === "drain" ? "red" : undefined}
              >
                {strings.workers.acts[each]} …
              </Menu.Item>
            );
          })}
        </Menu.Dropdown>
      </Menu>
      <ActDialog worker={worker} act={act} onClose={() => setAct(null)} />
    </>
  );
}
