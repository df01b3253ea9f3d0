-- Credits pay for what is spent from here on; or no longer do, and what they paid for is kept.
update billing set
    prepaid = :prepaid,
    unpaid = case when :prepaid then money.spent_ever - billing.credits_used else billing.unpaid end,
    credits_used = case when :prepaid then billing.credits_used else money.spent_ever - billing.unpaid end,
    updated_at = now()
from project_money as money
where billing.project_id = :project_id and money.project_id = billing.project_id and billing.prepaid <> :prepaid
returning billing.prepaid
