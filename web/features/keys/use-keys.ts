"use client";
// Keys and service accounts of a project or of the farm, and what can be done with them.
import { $api, api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { useRefresh } from "@/shared/api/refresh";
import type { FarmRole, ProjectRole, Role } from "@/shared/ui/role-choice";
import { headerOf, type AccessScope } from "./access-scope";

export type Key = Schemas["KeyView"];
export type MadeKey = Schemas["MadeKey"];
export type ServiceAccount = Schemas["ServiceAccountView"];

export type NewKey = Pick<Schemas["NewProjectKey"], "name" | "scopes" | "expires_at">;

export function useKeys(scope: AccessScope) {
  const isFarm = scope === "farm";
  const header = headerOf(scope);
  const ofFarm = $api.useInfiniteQuery(
    "get",
    "/v1/farm/keys",
    { params: {}, paged: true },
    { ...paged, enabled: isFarm },
  );
  const ofProject = $api.useInfiniteQuery(
    "get",
    "/v1/keys",
    { params: { header }, paged: true },
    { ...paged, enabled: !isFarm },
  );
  return isFarm ? ofFarm : ofProject;
}

export function useServiceAccounts(scope: AccessScope) {
  const isFarm = scope === "farm";
  const slug = isFarm ? "" : scope.project;
  const ofFarm = $api.useInfiniteQuery(
    "get",
    "/v1/farm/service-accounts",
    { params: {}, paged: true },
    { ...paged, enabled: isFarm },
  );
  const ofProject = $api.useInfiniteQuery(
    "get",
    "/v1/projects/{slug}/service-accounts",
    { params: { path: { slug } }, paged: true },
    { ...paged, enabled: !isFarm },
  );
  return isFarm ? ofFarm : ofProject;
}

/** Each raises `Problem`. */
export function useKeyActions(scope: AccessScope) {
  const refresh = useRefresh();
  const refreshAll = () =>
    refresh("/v1/keys", "/v1/farm/keys", "/v1/farm/service-accounts", "/v1/projects/{slug}/service-accounts");

  async function made<Thing>(answer: Promise<{ data?: Thing }>): Promise<Thing> {
    const { data } = await answer;
    void refreshAll();
    return data as Thing;
  }

  return {
    create(wish: NewKey, role: Role): Promise<MadeKey> {
      if (scope === "farm") return made(api.POST("/v1/farm/keys", { body: { ...wish, role: role as FarmRole } }));
      const body = { ...wish, role: role as ProjectRole };
      return made(api.POST("/v1/keys", { params: { header: headerOf(scope) }, body }));
    },
    createFor(account: string, wish: NewKey): Promise<MadeKey> {
      if (scope === "farm") {
        const path = { account_id: account };
        return made(api.POST("/v1/farm/service-accounts/{account_id}/keys", { params: { path }, body: wish }));
      }
      const path = { slug: scope.project, account_id: account };
      return made(api.POST("/v1/projects/{slug}/service-accounts/{account_id}/keys", { params: { path }, body: wish }));
    },
    async revoke(key: string): Promise<void> {
      const path = { key_id: key };
      if (scope === "farm") await api.DELETE("/v1/farm/keys/{key_id}", { params: { path } });
      else await api.DELETE("/v1/keys/{key_id}", { params: { path, header: headerOf(scope) } });
      void refreshAll();
    },
    createService(name: string, role: Role): Promise<ServiceAccount> {
      if (scope === "farm") {
        return made(api.POST("/v1/farm/service-accounts", { body: { name, role: role as FarmRole } }));
      }
      const params = { path: { slug: scope.project } };
      return made(
        api.POST("/v1/projects/{slug}/service-accounts", { params, body: { name, role: role as ProjectRole } }),
      );
    },
    async removeService(account: string): Promise<void> {
      if (scope === "farm") {
        await api.DELETE("/v1/farm/service-accounts/{account_id}", { params: { path: { account_id: account } } });
      } else {
        const path = { slug: scope.project, account_id: account };
        await api.DELETE("/v1/projects/{slug}/service-accounts/{account_id}", { params: { path } });
      }
      void refreshAll();
    },
  };
}
