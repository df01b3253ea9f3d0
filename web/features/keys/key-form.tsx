"use client";
// The dialog that makes a key: by itself, or for a service account.
import { MultiSelect, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Permission } from "@/shared/api/me";
import { FormDialog } from "@/shared/ui/form-dialog";
import { RoleChoice, type Role } from "@/shared/ui/role-choice";
import { strings } from "@/strings/en";
import { rightsOf } from "./access-scope";
import { EXPIRY_CHOICES, expiryOf, type ExpiryChoice } from "./expiry";
import type { NewKey } from "./use-keys";

interface KeyFormProps {
  isOpen: boolean;
  title: string;
  /** Roles to choose from; of a service account's key the one that the account has. */
  roles: readonly Role[];
  onCreate: (wish: NewKey, role: Role) => Promise<void>;
  onClose: () => void;
}

interface Values {
  name: string;
  role: Role;
  scopes: Permission[];
  expires_at: ExpiryChoice;
  day: string;
}

export function KeyForm({ isOpen, title, roles, onCreate, onClose }: KeyFormProps) {
  const first = roles.includes("artist") ? "artist" : (roles[0] ?? "viewer");
  const form = useForm<Values>({
    initialValues: { name: "", role: first, scopes: [], expires_at: "quarter", day: "" },
    validate: {
      day: (day, { expires_at }) => (expires_at === "day" && day === "" ? strings.keys.expiryDayMissing : null),
    },
  });
  const { role, expires_at } = form.values;

  return (
    <FormDialog
      isOpen={isOpen}
      onClose={onClose}
      title={title}
      form={form}
      words={strings.keys.create}
      onSubmit={({ name, scopes, day, ...values }) =>
        onCreate({ name: name.trim(), scopes, expires_at: expiryOf(values.expires_at, day) }, values.role)
      }
    >
      <TextInput
        label={strings.keys.name}
        description={strings.keys.nameHint}
        required
        data-autofocus
        {...form.getInputProps("name")}
      />
      {roles.length > 1 && (
        <RoleChoice
          label={strings.keys.role}
          roles={roles}
          value={role}
          onChange={(next) => {
            form.setFieldValue("role", next);
            form.setFieldValue("scopes", (chosen) => chosen.filter((each) => rightsOf(next).includes(each)));
          }}
        />
      )}
      <MultiSelect
        label={strings.keys.rights}
        description={strings.keys.rightsHint}
        placeholder={form.values.scopes.length === 0 ? strings.keys.allRights : undefined}
        data={rightsOf(role).map((right) => ({ value: right, label: strings.access.permissions[right] }))}
        {...form.getInputProps("scopes")}
      />
      <Select
        label={strings.keys.expiry}
        data={EXPIRY_CHOICES.map((choice) => ({ value: choice, label: strings.keys.expiries[choice] }))}
        allowDeselect={false}
        {...form.getInputProps("expires_at")}
      />
      {expires_at === "day" && (
        <TextInput type="date" label={strings.keys.expiryDay} required {...form.getInputProps("day")} />
      )}
    </FormDialog>
  );
}
