"use client";
// Where the files go beside the farm, and who is told of the end.
import { Select, Stack, TagsInput } from "@mantine/core";
import { $api } from "@/shared/api/client";
import { useMay, useMe } from "@/shared/api/me";
import { useProject } from "@/shared/api/project";
import { strings } from "@/strings/en";
import type { Draft } from "./draft";
import type { PartProps } from "./form-section";
import { errorAt } from "./refusals";

const MOST = 100;
const words = strings.submit.advanced;

export function DeliveryFields({ draft, change, errors }: PartProps<Draft>) {
  const path = { slug: useProject() };
  const may = useMay();
  const me = useMe();
  const query = { limit: MOST };
  const destinations = $api.useQuery("get", "/v1/projects/{slug}/destinations", { params: { path, query } });
  const members = $api.useQuery("get", "/v1/projects/{slug}/members", { params: { path, query } });
  const mayHooks = may("project:manage");
  const hooks = $api.useQuery(
    "get",
    "/v1/projects/{slug}/webhooks",
    { params: { path, query } },
    { enabled: mayHooks },
  );
  const addresses = new Set(me.data?.kind === "account" ? ["me"] : []);
  for (const member of members.data?.items ?? []) if (member.email) addresses.add(member.email);
  return (
    <Stack gap="md">
      <Select
        label={words.deliverTo}
        description={words.deliverToWords}
        data={[
          { value: "default", label: words.deliverDefault },
          { value: "none", label: words.deliverNone },
          ...(destinations.data?.items ?? []).map((each) => ({
            value: each.id,
            label: `${each.name} (${each.bucket})`,
          })),
        ]}
        value={draft.deliverTo}
        onChange={(deliverTo) => change({ deliverTo: deliverTo ?? "default" })}
        allowDeselect={false}
        error={errors.deliver_to}
      />
      <TagsInput
        label={words.notify}
        description={words.notifyWords}
        data={[...addresses]}
        value={draft.notifyEmail}
        onChange={(notifyEmail) => change({ notifyEmail })}
        maxTags={20}
        clearable
        error={errorAt(errors, "notify.email") ?? errors.notify}
      />
      {mayHooks && (hooks.data?.items.length ?? 0) > 0 && (
        <Select
          label={words.hook}
          description={words.hookWords}
          data={hooks.data?.items.map((hook) => ({ value: hook.id, label: hook.url }))}
          value={draft.notifyWebhook}
          onChange={(notifyWebhook) => change({ notifyWebhook })}
          clearable
          error={errors["notify.webhook"]}
        />
      )}
    </Stack>
  );
}
