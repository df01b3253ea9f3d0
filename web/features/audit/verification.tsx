"use client";
// Whether the log of the farm is what was written; who administers the farm may ask.
import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useState } from "react";
import { api, type Schemas } from "@/shared/api/client";
import { formatNumber } from "@/shared/format/format";
import { CopyField } from "@/shared/ui/copy-field";
import { ProblemBox } from "@/shared/ui/problem-box";
import { Section } from "@/shared/ui/section";
import { strings } from "@/strings/en";

type Verification = Schemas["VerificationView"];

export function AuditVerification() {
  const [isLooking, setLooking] = useState(false);
  const [found, setFound] = useState<Verification | null>(null);
  const [problem, setProblem] = useState<unknown>(null);

  async function look() {
    setLooking(true);
    setFound(null);
    setProblem(null);
    try {
      let part: Verification | undefined;
      // A long chain is looked at part by part.
      do {
        const query = { after_seq: part?.verified_seq ?? 0 };
        part = (await api.GET("/v1/audit/verification", { params: { query } })).data;
        if (part !== undefined) setFound(part);
      } while (part !== undefined && part.ok && !part.complete);
    } catch (error) {
      setProblem(error);
    } finally {
      setLooking(false);
    }
  }

  return (
    <Section
      title={strings.audit.verification}
      words={strings.audit.verificationWords}
      actions={
        <Button variant="default" loading={isLooking} onClick={() => void look()}>
          {strings.audit.verify}
        </Button>
      }
    >
      <div aria-live="polite">
        {problem !== null && <ProblemBox error={problem} />}
        {found !== null && <Outcome found={found} />}
      </div>
    </Section>
  );
}

function Outcome({ found }: { found: Verification }) {
  if (!found.ok) {
    return (
      <Alert color="red" icon={<IconShieldX aria-hidden />} title={strings.audit.broken}>
        {found.breach?.words}
      </Alert>
    );
  }
  if (!found.complete) return <Text size="sm">{strings.audit.looking(formatNumber(found.verified_seq))}</Text>;
  return (
    <Stack>
      <Alert color="green" icon={<IconShieldCheck aria-hidden />}>
        {strings.audit.whole(formatNumber(found.verified_seq - found.pruned_seq))}
      </Alert>
      <CopyField label={strings.audit.anchor} value={`${found.sealed_seq}:${found.sealed_sha256}`} />
    </Stack>
  );
}
