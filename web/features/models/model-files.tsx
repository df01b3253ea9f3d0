"use client";
// The files that the model is made of; many thousands stay quick, because only a page of them is drawn.
import { Badge, Button, Center, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { formatBytes } from "@/shared/format/format";
import { strings } from "@/strings/en";

const PAGE = 100;

export function ModelFiles({ model }: { model: Schemas["ModelDetail"] }) {
  const [sought, setSought] = useState("");
  const [shown, setShown] = useState(PAGE);
  const { files, main } = model.manifest;
  const wanted = sought.trim().toLowerCase();
  const found = files.filter(({ path }) => path.toLowerCase().includes(wanted)).sort(byPath(main));
  const size = found.reduce((total, file) => total + file.size_bytes, 0);
  return (
    <Stack>
      <Group justify="space-between" align="end">
        <TextInput
          type="search"
          label={strings.models.searchFiles}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={sought}
          onChange={({ currentTarget }) => {
            setSought(currentTarget.value);
            setShown(PAGE);
          }}
          w={{ base: "100%", xs: 280 }}
        />
        <Text size="sm" c="dimmed" aria-live="polite">
          {strings.models.files(found.length)}, {formatBytes(size)}
        </Text>
      </Group>
      <Table.ScrollContainer minWidth={480}>
        <Table aria-label={strings.models.tabs.files}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{strings.models.path}</Table.Th>
              <Table.Th ta="right">{strings.models.size}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.slice(0, shown).map((file) => (
              <Table.Tr key={file.path}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  <Group gap="xs">
                    <span>{file.path}</span>
                    {file.path === main && (
                      <Badge size="sm" variant="light">
                        {strings.models.main}
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td ta="right" style={{ whiteSpace: "nowrap", fontVariantNumeric: "tabular-nums" }}>
                  {formatBytes(file.size_bytes)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {found.length === 0 && <Text c="dimmed">{strings.shell.nothingFound}</Text>}
      {found.length > shown && (
        <Center>
          <Button variant="default" onClick={() => setShown(shown + PAGE)}>
            {strings.models.more}
          </Button>
        </Center>
      )}
    </Stack>
  );
}

/** The main file first, the others as a folder lists them. */
function byPath(main: string) {
  return (one: { path: string }, other: { path: string }) =>
    Number(other.path === main) - Number(one.path === main) || one.path.localeCompare(other.path);
}
