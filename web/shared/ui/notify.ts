// Short notices at the edge of the screen, for what somebody has just done.
import { notifications } from "@mantine/notifications";
import { asProblem } from "@/shared/api/problem";

export function notifyDone(message: string): void {
  notifications.show({ message, color: "green", autoClose: 5000 });
}

/** An action that failed; stays until it is closed, so that nobody misses it. */
export function notifyProblem(error: unknown): void {
  const problem = asProblem(error);
  notifications.show({ title: problem.message, message: problem.remedy ?? "", color: "red", autoClose: false });
}

/** What was done, but not all of it; stays until it is closed. */
export function notifyWarning(message: string): void {
  notifications.show({ message, color: "yellow", autoClose: false });
}
