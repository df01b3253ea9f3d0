import { Suspense } from "react";
import { ProjectsPage } from "@/features/projects/projects-page";

export default function Projects() {
  return (
    <Suspense>
      <ProjectsPage />
    </Suspense>
  );
}
