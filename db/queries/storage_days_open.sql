-- Whether a day of storage up to this one is not in the ledger yet.
select exists (select from storage_meter where day <= :last_day)
