"use client";
// For operators: replicas with nothing to do load it before a job asks.
import { Switch, Tooltip } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { refreshSoon } from "@/shared/live/apply-event";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";

export function KeepWarm({ model }: { model: Schemas["ModelDetail"] }) {
  const queries = useQueryClient();
  const header = useProjectHeader();
  const params = { header, path: { model_id: model.id } };
  const change = $api.useMutation("patch", "/v1/models/{model_id}", {
    onSuccess(changed) {
      const read = $api.queryOptions("get", "/v1/models/{model_id}", { params });
      queries.setQueryData(read.queryKey, changed);
      refreshSoon(queries, "/v1/models");
      notifyDone(changed.keep_warm ? strings.models.nowWarm(model.name) : strings.models.notWarm(model.name));
    },
    onError: notifyProblem,
  });
  const isOn = change.isPending ? change.variables.body.keep_warm : (model.keep_warm ?? false);
  const cannot = !isOn && (model.state === "invalid" || model.state === "incomplete");
  return (
    <Tooltip label={strings.models.keepWarmWords} multiline w={260}>
      <div>
        <Switch
          label={strings.models.keepWarm}
          checked={isOn}
          disabled={cannot || change.isPending}
          onChange={({ currentTarget }) => change.mutate({ params, body: { keep_warm: currentTarget.checked } })}
        />
      </div>
    </Tooltip>
  );
}
