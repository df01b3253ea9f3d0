"use client";
// One thing in several formats, to be kept as a file.
import { Button, Menu, type ButtonProps } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { download } from "@/shared/api/download";
import { notifyProblem } from "./notify";

export interface Format {
  /** As people call it. */
  name: string;
  path: string;
  /** Of the file, where the farm gives none. */
  file: string;
  headers?: Record<string, string>;
}

interface DownloadMenuProps extends Pick<ButtonProps, "size" | "variant"> {
  words: string;
  label?: string;
  formats: readonly Format[];
}

export function DownloadMenu({ words, label, formats, size = "sm", variant = "default" }: DownloadMenuProps) {
  const [isBusy, setBusy] = useState(false);

  async function take({ path, file, headers }: Format) {
    setBusy(true);
    try {
      await download(path, file, headers);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Menu position="bottom-end" keepMounted={false}>
      <Menu.Target>
        <Button
          size={size}
          variant={variant}
          loading={isBusy}
          aria-label={label}
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          {words}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {formats.map((format) => (
          <Menu.Item key={format.name} onClick={() => void take(format)}>
            {format.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
