mock_provider "aws" {
  source = "../../mocks"
}

variables {
  repositories = ["rayfarm-mock/rayfarm-api"]
  kms_key_arn  = "arn:aws:kms:eu-central-1:000000000000:key/data"
}

run "a_tag_names_one_image_for_ever" {
  command = plan
  assert {
    condition     = alltrue([for repository in values(aws_ecr_repository.this) : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "What runs could be another image than what was tested."
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this["rayfarm-mock/rayfarm-api"].policy).rules[0].selection.countNumber == 30
    error_message = "Images pile up, or a rollback has none to go to."
  }
}

run "a_rollback_needs_something_to_go_back_to" {
  command = plan
  variables {
    keep_images = 1
  }
  expect_failures = [var.keep_images]
}
