// A static export that the API serves. In development pages come from `next dev`, and the API from RAYFARM_URL.
const isBuild = process.env.NODE_ENV === "production";
const farm = process.env.RAYFARM_URL ?? "http://127.0.0.1:8000";

/** @type {import("next").NextConfig} */
const config = {
  ...(isBuild ? { output: "export" } : {}),
  trailingSlash: true,
  skipTrailingSlashRedirect: true,
  compress: false, // a compressing server would hold back an event stream
  reactStrictMode: true,
  typescript: { ignoreBuildErrors: true }, // `make web-check` looks at types, once for all
  images: { unoptimized: true },
  experimental: {
    optimizePackageImports: ["@mantine/core", "@mantine/hooks", "@mantine/charts", "@tabler/icons-react"],
  },
  ...(isBuild ? {} : { rewrites: async () => [{ source: "/v1/:path*", destination: `${farm}/v1/:path*` }] }),
};

export default config;
