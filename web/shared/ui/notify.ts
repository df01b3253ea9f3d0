// Short notices at the edge of the screen, for what somebody has just done.
import { notifications } from "@mantine/notifications";
import { asProblem } from "@/shared/api/problem";

export function notifyDone(message: string): void {
  notifications.show({ message, color: "green", autoClose: 5000 });
}

/** An action that failed; stays until it is closed, so that nobody misses it. The same one stands there once. */
export function notifyProblem(error: unknown): void {
  const { message: title, remedy } = asProblem(error);
  const message = remedy ?? "";
  notifications.show({ id: `problem ${title} ${message}`, title, message, color: "red", autoClose: false });
}

/** What was done, but not all of it; stays until it is closed. The same one stands there once. */
export function notifyWarning(message: string): void {
  notifications.show({ id: `warning ${message}`, message, color: "yellow", autoClose: false });
}
