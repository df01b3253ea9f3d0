# The queues of docs/operations/sqs.md: messages that become jobs, those that cannot, and the ends of jobs.
data "aws_caller_identity" "current" {}

locals {
  two_weeks = 1209600
}

resource "aws_sqs_queue" "refused" {
  name                       = "${var.name}-refused"
  message_retention_seconds  = local.two_weeks
  visibility_timeout_seconds = var.visibility_seconds
  kms_master_key_id          = var.kms_key_arn
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  message_retention_seconds  = local.two_weeks
  visibility_timeout_seconds = var.visibility_seconds
  receive_wait_time_seconds  = 5
  kms_master_key_id          = var.kms_key_arn

  # The farm moves what it cannot use by itself, with the reason. This takes a message that kills the process each time,
  # and must come later, or the reason is lost.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.refused.arn
    maxReceiveCount     = ceil(var.max_receives * 1.1) + 10
  })
}

resource "aws_sqs_queue" "results" {
  name                      = "${var.name}-results"
  message_retention_seconds = local.two_weeks
  kms_master_key_id         = var.kms_key_arn
}

data "aws_iam_policy_document" "jobs" {
  statement {
    sid       = "PlainHttpIsRefused"
    effect    = "Deny"
    actions   = ["sqs:*"] # wildcard: a refusal of everything
    resources = [aws_sqs_queue.jobs.arn]
    principals {
      type        = "AWS"
      identifiers = ["*"] # wildcard: a refusal of everybody
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = length(var.source_bucket_arns) > 0 ? [var.source_bucket_arns] : []
    content {
      sid       = "NewObjects"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.jobs.arn]
      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = statement.value
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.sender_arns) > 0 ? [var.sender_arns] : []
    content {
      sid       = "Programs"
      actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
      resources = [aws_sqs_queue.jobs.arn]
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
    }
  }
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.id
  policy    = data.aws_iam_policy_document.jobs.json
}

# Nobody is let in here but the farm's own roles, by theirs.
data "aws_iam_policy_document" "others" {
  for_each = { refused = aws_sqs_queue.refused.arn, results = aws_sqs_queue.results.arn }
  statement {
    sid       = "PlainHttpIsRefused"
    effect    = "Deny"
    actions   = ["sqs:*"] # wildcard: a refusal of everything
    resources = [each.value]
    principals {
      type        = "AWS"
      identifiers = ["*"] # wildcard: a refusal of everybody
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "others" {
  for_each  = { refused = aws_sqs_queue.refused.id, results = aws_sqs_queue.results.id }
  queue_url = each.value
  policy    = data.aws_iam_policy_document.others[each.key].json
}
