export const jobStates = {
  queued: "Queued",
  blocked: "Blocked",
  running: "Running",
  finishing: "Finishing",
  awaiting_approval: "Awaiting approval",
  paused: "Paused",
  canceling: "Canceling",
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
} as const;
