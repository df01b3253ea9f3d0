/**
 * Random text that nobody guesses. `crypto.randomUUID` is there over https alone, and a farm in a studio may have
 * none.
 */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
