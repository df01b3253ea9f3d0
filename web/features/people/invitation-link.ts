/** Where somebody takes an invitation up. The token stands behind the #, so that it reaches no server's log. */
export function invitationLink(origin: string, token: string): string {
  return `${origin}/accept/#${encodeURIComponent(token)}`;
}
