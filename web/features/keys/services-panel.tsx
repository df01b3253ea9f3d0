"use client";
// Service accounts of a project or of the farm; their keys are made here and listed with the others.
import { Badge, Button, Group, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconRobot } from "@tabler/icons-react";
import { useState } from "react";
import { hasNoItems, itemsOf } from "@/shared/api/paging";
import { ConfirmButton } from "@/shared/ui/confirm-button";
import { FormDialog } from "@/shared/ui/form-dialog";
import { LoadMore } from "@/shared/ui/load-more";
import { notifyDone } from "@/shared/ui/notify";
import { Empty, QueryStates } from "@/shared/ui/query-states";
import { RoleChoice, type Role } from "@/shared/ui/role-choice";
import { Section } from "@/shared/ui/section";
import { TimeAgo } from "@/shared/ui/time-ago";
import { strings } from "@/strings/en";
import { rolesOf, type AccessScope } from "./access-scope";
import { KeyForm } from "./key-form";
import { useKeyActions, useServiceAccounts, type MadeKey, type ServiceAccount } from "./use-keys";

interface ServicesPanelProps {
  scope: AccessScope;
  onMade: (key: MadeKey) => void;
}

export function ServicesPanel({ scope, onMade }: ServicesPanelProps) {
  const query = useServiceAccounts(scope);
  const { createFor } = useKeyActions(scope);
  const [isCreating, creation] = useDisclosure(false);
  const [keyFor, setKeyFor] = useState<ServiceAccount | null>(null);
  const hasRole = keyFor?.role ?? null;

  return (
    <Section
      title={strings.keys.services}
      words={strings.keys.servicesWords}
      actions={
        <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={creation.open}>
          {strings.keys.createService}
        </Button>
      }
    >
      <QueryStates
        query={query}
        isEmpty={hasNoItems}
        empty={<Empty icon={<IconRobot aria-hidden />} title={strings.keys.noService} />}
      >
        {(data) => (
          <Stack>
            <ServiceTable scope={scope} services={itemsOf(data)} onNewKey={setKeyFor} />
            <LoadMore query={query} />
          </Stack>
        )}
      </QueryStates>
      <ServiceForm scope={scope} isOpen={isCreating} onClose={creation.close} />
      {keyFor !== null && hasRole !== null && (
        <KeyForm
          key={keyFor.id}
          isOpen
          title={strings.keys.newKeyOf(keyFor.name)}
          roles={[hasRole]}
          onCreate={async (wish) => onMade(await createFor(keyFor.id, wish))}
          onClose={() => setKeyFor(null)}
        />
      )}
    </Section>
  );
}

interface ServiceTableProps {
  scope: AccessScope;
  services: readonly ServiceAccount[];
  onNewKey: (service: ServiceAccount) => void;
}

function ServiceTable({ scope, services, onNewKey }: ServiceTableProps) {
  const { removeService } = useKeyActions(scope);

  async function remove(service: ServiceAccount) {
    await removeService(service.id);
    notifyDone(strings.keys.removed(service.name));
  }

  return (
    <Table.ScrollContainer minWidth={640}>
      <Table aria-label={strings.keys.services}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.keys.serviceName}</Table.Th>
            <Table.Th>{strings.keys.role}</Table.Th>
            <Table.Th>{strings.keys.since}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{strings.keys.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {services.map((service) => (
            <Table.Tr key={service.id}>
              <Table.Td>
                <Group gap="xs">
                  <Text size="sm" fw={600}>
                    {service.name}
                  </Text>
                  {service.disabled_at !== null && (
                    <Badge color="red" variant="light">
                      {strings.keys.disabled}
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  {service.email}
                </Text>
              </Table.Td>
              <Table.Td>{service.role === null ? strings.access.noRole : strings.access.roles[service.role]}</Table.Td>
              <Table.Td>
                <TimeAgo at={service.created_at} />
              </Table.Td>
              <Table.Td>
                <Group gap="xs" justify="flex-end" wrap="nowrap">
                  {service.role !== null && service.disabled_at === null && (
                    <Button
                      variant="default"
                      size="xs"
                      aria-label={strings.keys.newKeyOf(service.name)}
                      onClick={() => onNewKey(service)}
                    >
                      {strings.keys.create}
                    </Button>
                  )}
                  <ConfirmButton
                    words={strings.keys.remove}
                    label={strings.keys.removeLabel(service.name)}
                    question={strings.keys.removeQuestion(service.name)}
                    consequence={strings.keys.removeWords}
                    onConfirm={() => remove(service)}
                    variant="light"
                    color="red"
                    size="xs"
                  />
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function ServiceForm({ scope, isOpen, onClose }: { scope: AccessScope; isOpen: boolean; onClose: () => void }) {
  const { createService } = useKeyActions(scope);
  const roles = rolesOf(scope);
  const form = useForm<{ name: string; role: Role }>({
    initialValues: { name: "", role: roles.includes("artist") ? "artist" : (roles[0] ?? "viewer") },
  });
  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={strings.keys.createService}
      form={form}
      words={strings.keys.createService}
      onSubmit={async ({ name, role }) => {
        await createService(name.trim(), role);
        notifyDone(strings.keys.serviceCreated(name.trim()));
      }}
    >
      <TextInput
        label={strings.keys.serviceName}
        description={strings.keys.serviceNameHint}
        required
        data-autofocus
        {...form.getInputProps("name")}
      />
      <RoleChoice
        label={strings.keys.role}
        roles={roles}
        value={form.values.role}
        onChange={(role) => form.setFieldValue("role", role)}
      />
    </FormDialog>
  );
}
