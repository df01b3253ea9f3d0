select id, fence, state, model_id, tries, worker_failures from work where id = :work_id and kind = 'probe'
for no key update
