-- One entry of the audit log; a trigger queues it for its seal.
insert into audit_entry (actor_kind, actor_id, actor_name, actor_role, address, user_agent, request_id, action,
                         resource_type, resource_id, project_id, before, after)
values (:actor_kind, :actor_id, :actor_name, :actor_role, :address, :user_agent, :request_id, :action,
        :resource_type, :resource_id, :project_id, cast(:before as jsonb), cast(:after as jsonb))
returning id
