// Where a job of any project is looked at.
export function jobAddress(project: string, job: string): string {
  return `/projects/${encodeURIComponent(project)}/jobs/${job}/`;
}
