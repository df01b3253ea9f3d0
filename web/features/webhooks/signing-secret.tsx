import { Text } from "@mantine/core";
import { SecretDialog } from "@/shared/ui/secret-dialog";
import { strings } from "@/strings/en";

export function SigningSecret({ secret, onClose }: { secret: string | null; onClose: () => void }) {
  return (
    <SecretDialog
      title={strings.webhooks.secretTitle}
      label={strings.webhooks.secret}
      secret={secret}
      onClose={onClose}
    >
      <Text size="sm">{strings.webhooks.secretWords}</Text>
    </SecretDialog>
  );
}
