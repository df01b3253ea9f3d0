import { ProjectPage } from "@/features/projects/project-page";

export function generateStaticParams() {
  return [{ slug: "_" }];
}

export default function Project() {
  return <ProjectPage />;
}
