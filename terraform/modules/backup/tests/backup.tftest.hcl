mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../mocks"
}

variables {
  name            = "rayfarm-mock"
  kms_key_arn     = "arn:aws:kms:eu-central-1:000000000000:key/data"
  database_arn    = "arn:aws:rds:eu-central-1:000000000000:db:rayfarm-mock"
  resource_arns   = ["arn:aws:rds:eu-central-1:000000000000:db:rayfarm-mock"]
  alarm_topic_arn = "arn:aws:sns:eu-central-1:000000000000:alarms"
}

run "a_copy_is_elsewhere_and_cannot_be_deleted" {
  variables {
    copy      = { kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/copies" }
    lock_days = 30
  }
  assert {
    condition     = alltrue([for rule in aws_backup_plan.this.rule : one(rule.copy_action).destination_vault_arn == aws_backup_vault.copy[0].arn])
    error_message = "A rule makes no copy."
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this[0].min_retention_days == 30 && length(aws_backup_vault_lock_configuration.copy) == 1
    error_message = "An administrator, or who has taken over one, could delete the backups."
  }
  assert {
    condition     = toset(aws_backup_selection.this[0].resources) == toset(var.resource_arns)
    error_message = "The plan backs up something else."
  }
}

run "the_database_is_minutes_behind_in_the_other_region" {
  variables {
    copy = { kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/copies" }
  }
  assert {
    condition = (aws_db_instance_automated_backups_replication.this[0].source_db_instance_arn == var.database_arn
      && aws_db_instance_automated_backups_replication.this[0].kms_key_id == var.copy.kms_key_arn
    && aws_db_instance_automated_backups_replication.this[0].retention_period == 14)
    error_message = "With the region a day of jobs and results would be gone."
  }
}

run "without_a_copy_nothing_is_replicated" {
  command = plan
  assert {
    condition     = length(aws_db_instance_automated_backups_replication.this) == 0
    error_message = "Nobody asked for a second region."
  }
}

run "days_and_months" {
  command = plan
  assert {
    condition     = { for rule in aws_backup_plan.this.rule : rule.rule_name => rule.lifecycle[0].delete_after } == { daily = 35, monthly = 365 }
    error_message = "Backups are kept for another time."
  }
  assert {
    condition     = contains(aws_backup_vault_notifications.this[0].backup_vault_events, "BACKUP_JOB_FAILED")
    error_message = "Nobody hears of a backup that failed."
  }
}

run "a_plan_of_nothing_is_refused" {
  command = plan
  variables {
    resource_arns = []
  }
  expect_failures = [var.resource_arns]
}

run "a_lock_longer_than_the_backups_is_refused" {
  command = plan
  variables {
    lock_days = 90
  }
  expect_failures = [var.lock_days]
}
