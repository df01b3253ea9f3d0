// What changed, field by field, as a table: a word and a sign say how, not the colour alone.
import { Code, Table, Text } from "@mantine/core";
import { strings } from "@/strings/en";
import { changesBetween, type Change } from "./changes-between";

type Fields = Record<string, unknown> | null;

const SIGNS = { added: "+", removed: "−", changed: "±" } as const;

export function DiffView({ before, after }: { before: Fields; after: Fields }) {
  const changes = changesBetween(before, after);
  if (changes.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {strings.ui.nothingChanged}
      </Text>
    );
  }
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing={6} highlightOnHover={false} aria-label={strings.ui.changes}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.ui.field}</Table.Th>
            <Table.Th>{strings.ui.before}</Table.Th>
            <Table.Th>{strings.ui.after}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.field} data-change={change.how}>
              <Table.Th scope="row" fw={500}>
                <span title={strings.ui[change.how]} aria-hidden>
                  {SIGNS[change.how]}{" "}
                </span>
                {change.field}
              </Table.Th>
              <Table.Td>
                <Value change={change} side="before" />
              </Table.Td>
              <Table.Td>
                <Value change={change} side="after" />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Value({ change, side }: { change: Change; side: "before" | "after" }) {
  const value = change[side];
  if (value === undefined) return <Text c="dimmed">—</Text>;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
  const color = change.how === "changed" ? undefined : side === "before" ? "red" : "green";
  return (
    <Code
      color={color && `var(--mantine-color-${color}-light)`}
      style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}
    >
      {side === "before" ? <del>{text}</del> : <ins style={{ textDecoration: "none" }}>{text}</ins>}
    </Code>
  );
}
