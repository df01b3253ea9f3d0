// Who is signed in, what they are where, and what that allows.
import { Anchor, Badge, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "@/shared/ui/link";
import type { ReactNode } from "react";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";
import type { Me } from "./use-account";

export function Identity({ me }: { me: Me }) {
  return (
    <Section title={strings.account.who}>
      <Stack gap="sm">
        {me.kind === "key" && <Text size="sm">{strings.account.signedInByKey}</Text>}
        <Fact name={strings.account.name}>{me.name}</Fact>
        {me.email != null && <Fact name={strings.account.email}>{me.email}</Fact>}
        {me.service_account != null && <Fact name={strings.account.serviceAccount}>{me.service_account}</Fact>}
        {me.farm_role != null && <Fact name={strings.account.farmRole}>{strings.access.roles[me.farm_role]}</Fact>}
        <div>
          <Text size="sm" c="dimmed" mb={4}>
            {strings.account.rights}
          </Text>
          <Group gap={6}>
            {me.permissions.map((right) => (
              <Badge key={right} variant="default" tt="none" fw={500}>
                {strings.access.permissions[right]}
              </Badge>
            ))}
          </Group>
        </div>
        {me.kind === "account" && <Memberships me={me} />}
      </Stack>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Group gap="sm" justify="space-between">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </Group>
  );
}

function Memberships({ me }: { me: Me }) {
  if (me.memberships.length === 0) return <Text size="sm">{strings.account.noMembership}</Text>;
  return (
    <Table aria-label={strings.account.memberships} verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{strings.account.memberships}</Table.Th>
          <Table.Th>{strings.members.role}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {me.memberships.map((membership) => (
          <Table.Tr key={membership.project}>
            <Table.Td>
              <Anchor
                component={Link}
                href={`/projects/${encodeURIComponent(membership.project)}/jobs/`}
                size="sm"
                underline="always"
              >
                {membership.project}
              </Anchor>
            </Table.Td>
            <Table.Td>{strings.access.roles[membership.role]}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
