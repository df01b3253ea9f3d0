// Whose a session is, as this browser notes it: what one person leaves in it is never the next one's.
import { randomKey } from "./random-key";

/** In place of a hint: the session came to its end by itself, and nobody signed out. */
export const OVER = "over";

/** The account that an access token (a JWT) is of; an empty name for a token that is none. */
export function subjectOf(token: string): string {
  try {
    const payload = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    return String((JSON.parse(atob(payload)) as { sub: unknown }).sub);
  } catch {
    return "";
  }
}

/** The same for a key, which is never taken for a person. */
export function keyOwner(id: string): string {
  return `key:${id}`;
}

/** Another one for each sign-in, so that other tabs hear of it. */
export function hintOf(subject: string): string {
  return `${subject}/${randomKey()}`;
}

export function ownerOf(hint: string): string {
  return hint.split("/", 1)[0] ?? "";
}
