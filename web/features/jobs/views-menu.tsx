"use client";
import { ActionIcon, Button, Group, Popover, Stack, Text, TextInput } from "@mantine/core";
import { IconBookmark, IconTrash } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useProject } from "@/shared/api/project";
import { strings } from "@/strings/en";
import { addressOfFilters, isNarrowed, type JobFilters } from "./filters";
import { deleteView, filtersOfView, savedViews, saveView } from "./saved-views";

interface ViewsMenuProps {
  filters: JobFilters;
  onChange: (filters: JobFilters) => void;
}

export function ViewsMenu({ filters, onChange }: ViewsMenuProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" width={290} trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconBookmark size={16} aria-hidden />}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {strings.jobs.views}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={strings.jobs.views}>
        {isOpen && (
          <Views
            filters={filters}
            onChange={(chosen) => {
              setOpen(false);
              onChange(chosen);
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function Views({ filters, onChange }: ViewsMenuProps) {
  const project = useProject();
  const [views, setViews] = useState(() => savedViews(project));
  const [name, setName] = useState("");
  const here = addressOfFilters(filters);

  function save(submit: FormEvent) {
    submit.preventDefault();
    if (name.trim() === "") return;
    setViews(saveView(project, name.trim(), filters));
    setName("");
  }

  return (
    <Stack gap="xs">
      {views.length === 0 && (
        <Text size="sm" c="dimmed">
          {strings.jobs.noViews}
        </Text>
      )}
      {views.map((view) => (
        <Group key={view.name} gap={4} wrap="nowrap">
          <Button
            variant={view.query === here ? "light" : "subtle"}
            aria-current={view.query === here ? "true" : undefined}
            justify="flex-start"
            size="sm"
            flex={1}
            onClick={() => onChange(filtersOfView(view))}
          >
            {view.name}
          </Button>
          <ActionIcon
            aria-label={strings.jobs.deleteView(view.name)}
            onClick={() => setViews(deleteView(project, view.name))}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {(isNarrowed(filters) || here !== "") && (
        <form onSubmit={save}>
          <Group gap="xs" align="flex-end" wrap="nowrap">
            <TextInput
              label={strings.jobs.saveView}
              placeholder={strings.jobs.viewName}
              value={name}
              maxLength={60}
              onChange={({ currentTarget }) => setName(currentTarget.value)}
              flex={1}
            />
            <Button type="submit" disabled={name.trim() === ""}>
              {strings.jobs.save}
            </Button>
          </Group>
        </form>
      )}
    </Stack>
  );
}
