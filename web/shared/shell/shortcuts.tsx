"use client";
// Keys that work on every page: `g` and a letter goes to a page, `?` shows what there is, Ctrl+K searches.
import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { useMay } from "@/shared/api/me";
import { strings } from "@/strings/en";
import { addressOf, PAGES } from "./pages";

/** How long after `g` the letter may come. */
const SECOND_KEY_MS = 1200;

interface ShortcutsProps {
  project: string | null;
  onSearch: () => void;
}

export function Shortcuts({ project, onSearch }: ShortcutsProps) {
  const router = useRouter();
  const may = useMay();
  const [isOpen, help] = useDisclosure(false);
  const leadAt = useRef(0);
  const pages = PAGES.filter((page) => page.shortcut !== undefined && may(page.needs));

  useEffect(() => {
    function onKey(press: KeyboardEvent) {
      if ((press.ctrlKey || press.metaKey) && press.key.toLowerCase() === "k" && !press.altKey && !press.shiftKey) {
        press.preventDefault(); // browsers have a search of their own there
        onSearch();
        return;
      }
      if (press.ctrlKey || press.metaKey || press.altKey || isTyping(press.target)) return;
      if (press.key === "?") help.open();
      else if (press.key === "g") leadAt.current = Date.now();
      else if (Date.now() - leadAt.current < SECOND_KEY_MS) {
        leadAt.current = 0;
        const page = pages.find((each) => each.shortcut === press.key);
        const address = page && addressOf(page, project);
        if (address === undefined || address === null) return;
        press.preventDefault();
        router.push(address);
      }
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  return (
    <Modal opened={isOpen} onClose={help.close} title={strings.shell.shortcuts} closeButtonProps={closeLabel}>
      <ShortcutList />
    </Modal>
  );
}

/** What there is, for who is signed in. */
export function ShortcutList() {
  const may = useMay();
  const pages = PAGES.filter((page) => page.shortcut !== undefined && may(page.needs));
  return (
    <Stack gap="xs">
      <Key keys={["Ctrl", "K"]} words={strings.shell.search} />
      {pages.map((page) => (
        <Key
          key={page.name}
          keys={["g", page.shortcut ?? ""]}
          words={strings.shell.goTo(strings.shell.pages[page.name])}
        />
      ))}
      <Key keys={["?"]} words={strings.shell.shortcuts} />
    </Stack>
  );
}

const closeLabel = { "aria-label": strings.shell.close };

function Key({ keys, words }: { keys: string[]; words: string }) {
  return (
    <Group justify="space-between">
      <Text size="sm">{words}</Text>
      <Group gap={4}>
        {keys.map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
      </Group>
    </Group>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
