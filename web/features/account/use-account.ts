"use client";
// One's own account: notices by e-mail, password, sessions.
import { api, type Schemas } from "@/shared/api/client";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";
import { changePassword, signOut } from "@/shared/session/session";

export type Me = Schemas["MeView"];
export type MailKind = Schemas["MailKind"];

const NOTICES = "/v1/me/notices";

export function useNotices() {
  return useTagged(NOTICES, {}, () => api.GET(NOTICES));
}

/** Each raises `Problem`. */
export function useAccountActions() {
  const refresh = useRefresh();
  return {
    async changeNotices(tag: string | null, email: MailKind[]): Promise<void> {
      try {
        await api.PATCH(NOTICES, { params: { header: ifMatch(tag) }, body: { email } });
      } finally {
        await refresh(NOTICES);
      }
    },
    /** It ends every session, so this browser begins another one. */
    changePassword,
    async endSessions(): Promise<void> {
      await api.DELETE("/v1/me/sessions");
      await signOut();
    },
  };
}
