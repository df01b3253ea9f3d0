import next from "eslint-config-next/core-web-vitals";
import typescript from "eslint-config-next/typescript";

const config = [
  { ignores: ["out/**", ".next/**", "next-env.d.ts", "shared/api/schema.d.ts"] },
  ...next,
  ...typescript,
  {
    rules: {
      "max-lines": ["error", { max: 400 }],
      "max-len": ["error", { code: 120, ignoreUrls: true }],
      "no-restricted-globals": ["error", "event", "name"],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
];

export default config;
