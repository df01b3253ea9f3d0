export const access = {
  roles: { viewer: "Viewer", artist: "Artist", manager: "Manager", operator: "Operator", admin: "Administrator" },
  roleWords: {
    viewer: "Sees jobs, models and their results.",
    artist: "Also uploads, submits and steers jobs.",
    manager: "Also members, keys, webhooks, buckets and invoices.",
    operator: "Sees every project, and runs workers, machines and queues.",
    admin: "Everything, in every project and on the farm.",
  },
  permissions: {
    self: "One's own account",
    "project:read": "See the project",
    "project:render": "Upload and render",
    "project:manage": "Manage the project",
    "farm:operate": "Run the farm",
    "farm:admin": "Administer the farm",
  },
  noRole: "None",
} as const;
