"use client";
// A choice of roles, each with what it allows.
import { Radio, Stack } from "@mantine/core";
import type { Schemas } from "@/shared/api/client";
import { strings } from "@/strings/en";

export type ProjectRole = Schemas["ProjectRole"];
export type FarmRole = Schemas["FarmRole"];
export type Role = ProjectRole | FarmRole;

export const PROJECT_ROLES: readonly ProjectRole[] = ["viewer", "artist", "manager"];
export const FARM_ROLES: readonly FarmRole[] = ["operator", "admin"];

interface RoleChoiceProps<Each extends Role> {
  label: string;
  roles: readonly Each[];
  value: Each;
  onChange: (role: Each) => void;
}

export function RoleChoice<Each extends Role>({ label, roles, value, onChange }: RoleChoiceProps<Each>) {
  return (
    <Radio.Group label={label} value={value} onChange={(role) => onChange(role as Each)}>
      <Stack gap="xs" mt={6}>
        {roles.map((role) => (
          <Radio
            key={role}
            value={role}
            label={strings.access.roles[role]}
            description={strings.access.roleWords[role]}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}
