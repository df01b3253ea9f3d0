# One module block for each bucket, so that a reader (and a linter) sees each one's rules.
locals {
  logs_name    = "${local.name}-logs-${local.account}"
  objects_name = "${local.name}-objects-${local.account}"
  copies_name  = "${local.name}-copies-${local.account}"
  # The farm's keys lie below it (RAYFARM_STORAGE_URL), so that the bucket has room for something else one day.
  prefix = "farm"
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "AccessLogsOfBuckets"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${local.logs_name}/s3/${local.objects_name}/*"]
    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "AccessLogsOfTheLoadBalancer"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${local.logs_name}/load-balancer/AWSLogs/${local.account}/*"]
    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }
  }

  statement {
    sid       = "AccessLogsOfCloudFront"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${local.logs_name}/cloudfront/*"]
    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:logs:us-east-1:${local.account}:delivery-source:${local.name}"]
    }
  }
}

module "logs" {
  source           = "../modules/bucket"
  name             = local.logs_name
  versioned        = false
  expire_days      = var.log_retention_days
  policy_documents = [data.aws_iam_policy_document.logs.json]
  force_destroy    = !var.protected
}

module "objects" {
  source          = "../modules/bucket"
  name            = local.objects_name
  kms_key_arn     = module.data_key.arn
  noncurrent_days = var.noncurrent_days
  tiering_days    = 30
  log_bucket      = { name = module.logs.name }
  cors_origins    = ["https://${var.domain_name}"]
  replica         = var.replicated ? { bucket_arn = module.copies["this"].arn, kms_key_arn = module.replica_key["this"].arn } : null
  force_destroy   = !var.protected
}

module "copy_logs" {
  source    = "../modules/bucket"
  for_each  = local.replicas
  providers = { aws = aws.replica }
  name      = "${local.name}-copy-logs-${local.account}"
  versioned = false
  policy_documents = [jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccessLogsOfBuckets"
      Effect    = "Allow"
      Action    = "s3:PutObject"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Resource  = "arn:${local.partition}:s3:::${local.name}-copy-logs-${local.account}/s3/${local.copies_name}/*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })]
  expire_days   = var.log_retention_days
  force_destroy = !var.protected
}

# Longer than the original's, as it is what is left when somebody has emptied that.
module "copies" {
  source          = "../modules/bucket"
  for_each        = local.replicas
  providers       = { aws = aws.replica }
  name            = local.copies_name
  kms_key_arn     = module.replica_key["this"].arn
  noncurrent_days = max(90, var.noncurrent_days)
  log_bucket      = { name = module.copy_logs["this"].name }
  force_destroy   = !var.protected
}
