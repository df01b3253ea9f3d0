/** Where to go after the sign-in: a path of this app. Whatever else an address may ask for is not followed. */
export function safeNext(asked: string | null): string {
  if (asked === null || !asked.startsWith("/")) return "/";
  // `//host`, `/\host` and control characters would leave this origin.
  const target = URL.canParse(asked, "https://here.invalid") ? new URL(asked, "https://here.invalid") : null;
  if (target === null || target.origin !== "https://here.invalid") return "/";
  if (target.pathname.startsWith("/sign-in") || target.pathname.startsWith("/v1/")) return "/";
  // `/.//host` comes out of the parser as `//host`, which is another host after all.
  const path = `${target.pathname}${target.search}`;
  return /^\/(?![/\\])/.test(path) ? path : "/";
}
