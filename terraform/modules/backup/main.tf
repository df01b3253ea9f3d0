data "aws_partition" "current" {}

# No aws:SourceAccount here: nobody has tried it for this role, and where AWS Backup did not send it, nothing would be backed
# up. Who is no principal of this account cannot pass the role.
data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-backup"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

# AWS's own policies: what AWS Backup calls changes with AWS Backup.
resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset([
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
  ])
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}

resource "aws_backup_vault" "this" {
  name        = var.name
  kms_key_arn = var.kms_key_arn
}

resource "aws_backup_vault" "copy" {
  count       = var.copy == null ? 0 : 1
  provider    = aws.replica
  name        = "${var.name}-copy"
  kms_key_arn = var.copy.kms_key_arn
}

resource "aws_backup_vault_lock_configuration" "this" {
  count               = var.lock_days == null ? 0 : 1
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = var.lock_days
  changeable_for_days = 3
}

resource "aws_backup_vault_lock_configuration" "copy" {
  count               = var.lock_days == null || var.copy == null ? 0 : 1
  provider            = aws.replica
  backup_vault_name   = aws_backup_vault.copy[0].name
  min_retention_days  = var.lock_days
  changeable_for_days = 3
}

# Every few minutes, where a copy of the daily backup is a day and more behind.
resource "aws_db_instance_automated_backups_replication" "this" {
  count                  = var.copy == null || var.emulated ? 0 : 1
  provider               = aws.replica
  source_db_instance_arn = var.database_arn
  kms_key_id             = var.copy.kms_key_arn
  retention_period       = var.copy.pitr_days
}

locals {
  rules = {
    daily   = { schedule = "cron(0 4 * * ? *)", days = var.daily_days }
    monthly = { schedule = "cron(0 5 1 * ? *)", days = var.monthly_days }
  }
}

resource "aws_backup_plan" "this" {
  name = var.name

  dynamic "rule" {
    for_each = local.rules
    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.this.name
      schedule          = rule.value.schedule
      start_window      = 60
      completion_window = 480

      lifecycle {
        delete_after = rule.value.days
      }

      dynamic "copy_action" {
        for_each = aws_backup_vault.copy
        content {
          destination_vault_arn = copy_action.value.arn
          lifecycle {
            delete_after = rule.value.days
          }
        }
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  count        = var.emulated ? 0 : 1
  name         = "farm"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.this.arn
  resources    = var.resource_arns
}

resource "aws_backup_vault_notifications" "this" {
  count               = var.emulated ? 0 : 1
  backup_vault_name   = aws_backup_vault.this.name
  sns_topic_arn       = var.alarm_topic_arn
  backup_vault_events = ["BACKUP_JOB_FAILED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"]
}
