"use client";
// Members of the project in the address and invitations into it.
import { $api, api, type Schemas } from "@/shared/api/client";
import { paged } from "@/shared/api/paging";
import { useProject } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { ifMatch, useTagged } from "@/shared/api/tagged";
import type { ProjectRole } from "@/shared/ui/role-choice";

export type Member = Schemas["MemberView"];
export type Invitation = Schemas["InvitationView"];
export type NewInvitation = Schemas["NewInvitation"];

const MEMBERS = "/v1/projects/{slug}/members";
const MEMBER = "/v1/projects/{slug}/members/{account_id}";
const INVITATIONS = "/v1/projects/{slug}/invitations";

export function useMembers() {
  const path = { slug: useProject() };
  return $api.useInfiniteQuery("get", MEMBERS, { params: { path }, paged: true }, paged);
}

export function useMember(account: string) {
  const path = { slug: useProject(), account_id: account };
  return useTagged(MEMBER, { path }, () => api.GET(MEMBER, { params: { path } }));
}

export function useInvitations() {
  const path = { slug: useProject() };
  return $api.useInfiniteQuery("get", INVITATIONS, { params: { path }, paged: true }, paged);
}

/** Each raises `Problem`. */
export function useMemberActions() {
  const slug = useProject();
  const refresh = useRefresh();
  const refreshAll = () => refresh(MEMBERS, MEMBER, INVITATIONS);
  return {
    async setRole(account: string, tag: string | null, role: ProjectRole): Promise<void> {
      const params = { path: { slug, account_id: account }, header: ifMatch(tag) };
      try {
        await api.PUT(MEMBER, { params, body: { role } });
      } finally {
        void refreshAll();
      }
    },
    async remove(account: string): Promise<void> {
      await api.DELETE(MEMBER, { params: { path: { slug, account_id: account } } });
      void refreshAll();
    },
    async invite(email: string, role: ProjectRole): Promise<NewInvitation> {
      const { data } = await api.POST(INVITATIONS, { params: { path: { slug } }, body: { email, role } });
      void refreshAll();
      return data as NewInvitation;
    },
    async revoke(invitation: string): Promise<void> {
      const path = { slug, invitation_id: invitation };
      await api.DELETE("/v1/projects/{slug}/invitations/{invitation_id}", { params: { path } });
      void refreshAll();
    },
  };
}

/** What the invited open. The token stands behind the #, so that it reaches no server's log. */
export function invitationLink(token: string, origin: string): string {
  return `${origin}/accept/#${encodeURIComponent(token)}`;
}
