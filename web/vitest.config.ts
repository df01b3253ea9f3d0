import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const exclude = ["node_modules", "out", ".next"];

// What is logic alone (`.test.ts`) runs without a page, which costs a file a second; `.test.tsx` has one.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": path.resolve(import.meta.dirname) } },
  test: {
    // They end what hangs: no test is about time, and a machine of others takes its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // In one process, one after the other: to begin one for each file took two thirds of the time.
      {
        extends: true,
        test: { name: "logic", environment: "node", isolate: false, include: ["**/*.test.ts"], exclude },
      },
      {
        extends: true,
        test: {
          name: "pages",
          environment: "jsdom",
          setupFiles: ["./tests/setup.ts"],
          include: ["**/*.test.tsx"],
          exclude,
        },
      },
    ],
  },
});
