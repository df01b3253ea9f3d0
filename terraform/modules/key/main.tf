data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  # CloudWatch Logs and CloudFront's log delivery send no source account; their regional principal serves this account's
  # calls, and the encryption context names the group.
  logs     = [for service in var.service_principals : service if startswith(service, "logs.")]
  services = [for service in var.service_principals : service if !startswith(service, "logs.")]
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109: A key policy: it is about this key alone, and gives its account what AWS asks for
  #checkov:skip=CKV_AWS_111: A key policy: it is about this key alone, and gives its account what AWS asks for
  #checkov:skip=CKV_AWS_356: A key policy: its "*" is this key
  # The statement that AWS asks for in every key: it gives nobody anything by itself, IAM policies of this account do, and
  # without it nobody could ever change the key again.
  statement {
    sid       = "Account"
    actions   = ["kms:*"] # wildcard: delegates to IAM of this account, as every KMS key policy must
    resources = ["*"]     # wildcard: in a key policy, "*" is this key
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local.account}:root"]
    }
  }

  dynamic "statement" {
    for_each = length(local.services) > 0 ? [local.services] : []
    content {
      sid       = "Services"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
      resources = ["*"] # wildcard: in a key policy, "*" is this key
      principals {
        type        = "Service"
        identifiers = statement.value
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }

  # Whoever sends to an encrypted queue makes SQS encrypt by its own right; another account's IAM gives none to our key.
  dynamic "statement" {
    for_each = length(var.sender_arns) > 0 ? [var.sender_arns] : []
    content {
      sid       = "Senders"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"] # wildcard: in a key policy, "*" is this key
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["sqs.${data.aws_region.current.name}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.logs) > 0 ? [local.logs] : []
    content {
      sid       = "Logs"
      actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
      resources = ["*"] # wildcard: in a key policy, "*" is this key
      principals {
        type        = "Service"
        identifiers = statement.value
      }
      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${data.aws_partition.current.partition}:logs:*:${local.account}:log-group:*"] # wildcard: any log group, but of this account
      }
    }
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
