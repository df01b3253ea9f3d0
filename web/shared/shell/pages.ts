// Every page that can be gone to, who may, and its shortcut: what the navigation, the search and the help are made of.
import {
  IconActivity,
  IconBan,
  IconBuildingWarehouse,
  IconChartBar,
  IconCloudUpload,
  IconCpu,
  IconFileInvoice,
  IconFolders,
  IconHeartbeat,
  IconHourglass,
  IconKey,
  IconListCheck,
  IconMovie,
  IconPackage,
  IconPlus,
  IconShieldCheck,
  IconUser,
  IconUsers,
  IconWebhook,
} from "@tabler/icons-react";
import type { Permission } from "@/shared/api/me";
import { strings } from "@/strings/en";

type Section = keyof typeof strings.shell.sections;

export interface PageEntry {
  name: keyof typeof strings.shell.pages;
  section: Section;
  /** Below the project's address in the sections `project` and `manage`; else from the root. */
  href: string;
  needs: Permission;
  icon: typeof IconKey;
  /** The second key after `g`. */
  shortcut?: string;
}

export const PAGES: readonly PageEntry[] = [
  { name: "jobs", section: "project", href: "jobs/", needs: "project:read", icon: IconMovie, shortcut: "j" },
  { name: "newJob", section: "project", href: "jobs/new/", needs: "project:render", icon: IconPlus, shortcut: "n" },
  { name: "models", section: "project", href: "models/", needs: "project:read", icon: IconPackage, shortcut: "m" },
  { name: "usage", section: "project", href: "usage/", needs: "project:read", icon: IconChartBar, shortcut: "u" },
  { name: "invoices", section: "manage", href: "invoices/", needs: "project:manage", icon: IconFileInvoice },
  { name: "members", section: "manage", href: "members/", needs: "project:manage", icon: IconUsers },
  { name: "keys", section: "manage", href: "keys/", needs: "project:manage", icon: IconKey, shortcut: "k" },
  { name: "webhooks", section: "manage", href: "webhooks/", needs: "project:manage", icon: IconWebhook },
  { name: "destinations", section: "manage", href: "destinations/", needs: "project:manage", icon: IconCloudUpload },
  { name: "projectAudit", section: "manage", href: "audit/", needs: "project:manage", icon: IconShieldCheck },
  { name: "farm", section: "farm", href: "/farm/", needs: "farm:operate", icon: IconActivity, shortcut: "f" },
  { name: "workers", section: "farm", href: "/farm/workers/", needs: "farm:operate", icon: IconCpu, shortcut: "w" },
  { name: "waiting", section: "farm", href: "/farm/waiting/", needs: "farm:operate", icon: IconHourglass },
  { name: "blocklists", section: "farm", href: "/farm/blocklists/", needs: "farm:operate", icon: IconBan },
  { name: "status", section: "farm", href: "/farm/status/", needs: "farm:operate", icon: IconHeartbeat, shortcut: "s" },
  { name: "projects", section: "farm", href: "/farm/projects/", needs: "farm:admin", icon: IconFolders },
  { name: "people", section: "farm", href: "/farm/people/", needs: "farm:admin", icon: IconBuildingWarehouse },
  { name: "farmKeys", section: "farm", href: "/farm/keys/", needs: "farm:admin", icon: IconKey },
  { name: "farmAudit", section: "farm", href: "/farm/audit/", needs: "farm:admin", icon: IconListCheck },
  { name: "me", section: "you", href: "/me/", needs: "self", icon: IconUser },
];

/** The address of a page; null: it is of a project, and there is none. */
export function addressOf(page: PageEntry, project: string | null): string | null {
  if (page.href.startsWith("/")) return page.href;
  return project === null ? null : `/projects/${encodeURIComponent(project)}/${page.href}`;
}

/** The entry that an address belongs to: the longest one that it begins with. */
export function pageAt(path: string, project: string | null): PageEntry | null {
  let best: PageEntry | null = null;
  let length = 0;
  for (const page of PAGES) {
    const address = addressOf(page, project);
    if (address !== null && path.startsWith(address) && address.length > length) {
      best = page;
      length = address.length;
    }
  }
  return best;
}
