# Terraform 1.11 mocks no ephemeral resources, so this is the provider itself, which is asked for plans alone and calls
# nobody. What tests/terraform/test_emulated.py applies has the values.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none" # pragma: allowlist secret
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name        = "rayfarm-mock"
  kms_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/data"
  given       = { database = "The address.", loops = "A key." }
}

run "each_has_a_place_with_our_key" {
  command = plan
  assert {
    condition     = output.names == { database = "rayfarm-mock/database", loops = "rayfarm-mock/loops" }
    error_message = "The ExternalSecrets of kuberay/ read other names."
  }
  assert {
    condition     = alltrue([for secret in values(aws_secretsmanager_secret.this) : secret.kms_key_id == var.kms_key_arn && secret.recovery_window_in_days == 30])
    error_message = "A secret has another key, or cannot be brought back."
  }
}

run "another_region_has_a_copy" {
  command = plan
  variables {
    replica = { region = "eu-west-1", kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/copies" }
  }
  assert {
    condition     = alltrue([for secret in values(aws_secretsmanager_secret.this) : one(secret.replica).region == "eu-west-1"])
    error_message = "The other region could not start the farm."
  }
}

run "a_secret_that_is_made_has_a_field" {
  command = plan
  variables {
    generated = { keys = { fields = [] } }
  }
  expect_failures = [var.generated]
}

run "a_rotation_of_years_is_refused" {
  command = plan
  variables {
    rotations = { database = { lambda_arn = "arn:aws:lambda:eu-central-1:000000000000:function:rotate", days = 900 } }
  }
  expect_failures = [var.rotations]
}

run "a_week_at_least_to_bring_one_back" {
  command = plan
  variables {
    recovery_days = 1
  }
  expect_failures = [var.recovery_days]
}
