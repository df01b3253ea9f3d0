locals {
  descriptions = merge({ for name in keys(var.generated) : name => "Made by Terraform; no state holds it." }, var.given)
  fields = toset(flatten([
    for name, secret in var.generated : [for field in secret.fields : "${name}/${field}"]
  ]))
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57: Keys that sign are changed in two steps, with the old one still believed (RAYFARM_*_PREVIOUS_*_KEYS); var.rotations takes functions for others
  for_each                = local.descriptions
  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days

  dynamic "replica" {
    for_each = var.replica[*]
    content {
      region     = replica.value.region
      kms_key_id = replica.value.kms_key_arn
    }
  }
}

ephemeral "aws_secretsmanager_random_password" "this" {
  for_each            = local.fields
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "generated" {
  for_each  = var.generated
  secret_id = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo = jsonencode(merge(each.value.fixed, {
    for field in each.value.fields : field => ephemeral.aws_secretsmanager_random_password.this["${each.key}/${field}"].random_password
  }))
  secret_string_wo_version = each.value.generation
}

resource "aws_secretsmanager_secret_rotation" "this" {
  #checkov:skip=CKV_AWS_304: The days come from var.rotations, whose validation allows 90 at most
  for_each            = var.rotations
  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = each.value.lambda_arn
  rotation_rules {
    automatically_after_days = each.value.days
  }
}
