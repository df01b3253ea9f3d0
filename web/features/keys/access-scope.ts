// Where keys hold: in one project, or on the whole farm. Both have the same pages.
import { projectHeader } from "@/shared/api/project";
import { FARM_ROLES, PROJECT_ROLES, type Role } from "@/shared/ui/role-choice";
import type { Permission } from "@/shared/api/me";

export type AccessScope = { project: string } | "farm";

export function rolesOf(scope: AccessScope): readonly Role[] {
  return scope === "farm" ? FARM_ROLES : PROJECT_ROLES;
}

/** The header of requests in that scope. */
export function headerOf(scope: AccessScope): { "X-Rayfarm-Project"?: string } {
  return scope === "farm" ? {} : projectHeader(scope.project);
}

/** What each role may do beyond one's own account, as `jobs/access.py` grants it. */
const GRANTS: Record<Role, readonly Permission[]> = {
  viewer: ["project:read"],
  artist: ["project:read", "project:render"],
  manager: ["project:read", "project:render", "project:manage"],
  operator: ["project:read", "farm:operate"],
  admin: ["project:read", "project:render", "project:manage", "farm:operate", "farm:admin"],
};

/** Rights that a key of the role can be narrowed to. */
export function rightsOf(role: Role): readonly Permission[] {
  return GRANTS[role];
}
