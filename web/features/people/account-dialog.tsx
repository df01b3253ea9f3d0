"use client";
// Changes the name and the farm role of an account, as it was seen.
import { Modal, Radio, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useVersioned, type Versioned } from "@/shared/api/versioned";
import { FormDialog } from "@/shared/ui/form-dialog";
import { notifyDone } from "@/shared/ui/notify";
import { QueryStates } from "@/shared/ui/query-states";
import { FARM_ROLES, type FarmRole } from "@/shared/ui/role-choice";
import { strings } from "@/strings/en";

const WORDS = strings.people;
const PATH = "/v1/accounts/{account_id}";
type Account = Schemas["AccountView"];

export function AccountDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useVersioned(PATH, id, () => api.GET(PATH, { params: { path: { account_id: id } } }));
  if (query.data === undefined) {
    return (
      <Modal opened onClose={onClose} title={WORDS.change} closeButtonProps={{ "aria-label": strings.shell.close }}>
        <QueryStates query={query}>{() => null}</QueryStates>
      </Modal>
    );
  }
  return <AccountForm key={query.data.etag} account={query.data} onClose={onClose} />;
}

function AccountForm({ account, onClose }: { account: Versioned<Account>; onClose: () => void }) {
  const { id, name, farm_role, project_id } = account.data;
  const refresh = useRefresh();
  const form = useForm<{ name: string; farm_role: FarmRole | "" }>({
    initialValues: { name, farm_role: farm_role ?? "" },
  });
  return (
    <FormDialog
      isOpen
      onClose={onClose}
      title={WORDS.changeOf(name)}
      words={WORDS.save}
      form={form}
      onSubmit={async (values) => {
        const role = values.farm_role === "" ? null : values.farm_role;
        await api.PATCH(PATH, {
          params: { path: { account_id: id }, header: ifMatch(account.etag) },
          // A role that stays is not sent: naming one asks for the right to give it.
          body: { name: values.name.trim(), ...(role === farm_role ? {} : { farm_role: role }) },
        });
        notifyDone(WORDS.saved(values.name.trim()));
        await refresh("/v1/accounts", PATH);
      }}
    >
      <TextInput label={WORDS.name} required maxLength={200} {...form.getInputProps("name")} />
      {project_id === null && (
        <Radio.Group label={WORDS.role} {...form.getInputProps("farm_role")}>
          <Stack gap="xs" mt={6}>
            <Radio value="" label={WORDS.noFarmRole} description={WORDS.noFarmRoleWords} />
            {FARM_ROLES.map((role) => (
              <Radio
                key={role}
                value={role}
                label={strings.access.roles[role]}
                description={strings.access.roleWords[role]}
              />
            ))}
          </Stack>
        </Radio.Group>
      )}
    </FormDialog>
  );
}
