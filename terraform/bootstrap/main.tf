# Once in an account, before anything else: the bucket that keeps the state of all environments. Its own state is local;
# `terraform init -migrate-state` moves it into the bucket afterwards (docs/operations/terraform.md).
terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "region" {
  description = "Region of the state."
  type        = string
}

variable "name" {
  description = "Beginning of the bucket's name."
  type        = string
  default     = "rayfarm-state"
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { application = "rayfarm", managed-by = "terraform" }
  }
}

data "aws_caller_identity" "current" {}

# Of the whole account in this region, so that no disk is in the clear: neither the nodes' nor that of a claim in Kubernetes,
# whose storage class says nothing.
resource "aws_ebs_encryption_by_default" "this" {
  enabled = true
}

module "key" {
  source      = "../modules/key"
  name        = var.name
  description = "State of Terraform"
}

module "logs" {
  source      = "../modules/bucket"
  name        = "${var.name}-logs-${data.aws_caller_identity.current.account_id}"
  versioned   = true
  expire_days = 400
  policy_documents = [jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccessLogs"
      Effect    = "Allow"
      Action    = "s3:PutObject"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Resource  = "arn:aws:s3:::${var.name}-logs-${data.aws_caller_identity.current.account_id}/s3/${var.name}-${data.aws_caller_identity.current.account_id}/*"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })]
}

module "state" {
  source          = "../modules/bucket"
  name            = "${var.name}-${data.aws_caller_identity.current.account_id}"
  kms_key_arn     = module.key.arn
  noncurrent_days = 400
  log_bucket      = { name = module.logs.name }
}

output "bucket" {
  description = "Goes to terraform init as -backend-config=bucket=…"
  value       = module.state.name
}
