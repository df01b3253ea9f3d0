"use client";
// The panel of uploads, loaded after the page itself: most pages never show it.
import dynamic from "next/dynamic";

export const UploadCorner = dynamic(() => import("./upload-panel").then(({ UploadPanel }) => UploadPanel), {
  ssr: false,
});
