"use client";
// The viewer in a page of its own: `…/exr/?artifact=<id>`.
import { Suspense } from "react";
import { $api } from "@/shared/api/client";
import { Problem } from "@/shared/api/problem";
import { useProject, useProjectHeader, useSegments } from "@/shared/api/project";
import { isExr } from "@/shared/pictures/picture-file";
import { useSteadyLink } from "@/shared/pictures/use-steady-link";
import { Page } from "@/shared/ui/page";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Empty, Loading, QueryStates } from "@/shared/ui/query-states";
import { useAddress } from "@/shared/ui/use-address";
import { strings } from "@/strings/en";
import { DownloadButton } from "./download-button";
import { ExrViewer } from "./exr-viewer";

const words = strings.player.exr;

export function ExrPage() {
  return (
    <Suspense fallback={<Loading />}>
      <Chosen />
    </Suspense>
  );
}

function Chosen() {
  const id = useAddress().get("artifact");
  return id === null ? <Empty title={words.noArtifact} /> : <OfArtifact id={id} />;
}

function OfArtifact({ id }: { id: string }) {
  const home = `/projects/${encodeURIComponent(useProject())}`;
  const job = useSegments()[3] ?? "";
  const header = useProjectHeader();
  const query = $api.useQuery(
    "get",
    "/v1/artifacts/{artifact_id}",
    { params: { header, path: { artifact_id: id } } },
    { staleTime: Infinity },
  );
  return (
    <QueryStates query={query}>
      {(artifact) => (
        <Page
          title={artifact.name}
          path={[
            { title: strings.jobs.title, href: `${home}/jobs/` },
            { title: strings.player.exrTitle, href: `${home}/jobs/${job}/` },
          ]}
          actions={artifact.url !== null && <DownloadButton id={artifact.id} name={artifact.name} url={artifact.url} />}
        >
          {artifact.url === null ? (
            <ProblemBox error={new Problem(410, { detail: words.expired, remedy: words.expiredRemedy })} />
          ) : isExr(artifact) ? (
            <Steady id={artifact.id} url={artifact.url} name={artifact.name} onLinkEnded={() => void query.refetch()} />
          ) : (
            <ProblemBox error={new Problem(415, { detail: words.notExr(artifact.name) })} />
          )}
        </Page>
      )}
    </QueryStates>
  );
}

/** Another link is the same file: it is not read anew. */
function Steady({ id, url, name, onLinkEnded }: { id: string; url: string; name: string; onLinkEnded: () => void }) {
  const { link, end } = useSteadyLink(id, url);
  return (
    <ExrViewer
      url={link}
      name={name}
      onLinkEnded={() => {
        end();
        onLinkEnded();
      }}
    />
  );
}
