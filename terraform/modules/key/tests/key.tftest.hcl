mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "rayfarm-mock-data"
  description = "Of a test"
}

run "rotates_and_can_be_brought_back" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and be kept for a month after its deletion."
  }
  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "A key without services is this account's alone."
  }
}

run "services_may_only_act_for_this_account" {
  command = plan
  variables {
    service_principals = ["backup.amazonaws.com", "logs.eu-central-1.amazonaws.com"]
  }

  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 3
    error_message = "Logs have a statement of their own, as they send no source account."
  }
  assert {
    condition = alltrue([for statement in data.aws_iam_policy_document.this.statement :
    length(statement.condition) == 1 if statement.sid != "Account"])
    error_message = "A service could be made to use the key for somebody else's account."
  }
}

run "who_sends_to_a_queue_uses_the_key_there_alone" {
  command = plan
  variables {
    sender_arns = ["arn:aws:iam::000000000000:role/pipeline"]
  }

  assert {
    condition = alltrue([for statement in data.aws_iam_policy_document.this.statement :
      one(statement.condition).variable == "kms:ViaService" && tolist(one(statement.condition).values)[0] == "sqs.eu-central-1.amazonaws.com"
    if statement.sid == "Senders"]) && contains(data.aws_iam_policy_document.this.statement[*].sid, "Senders")
    error_message = "A sender of another account is refused by the key, or reads more than its queue takes."
  }
}

run "a_whole_account_may_not_use_the_key" {
  command = plan
  variables {
    sender_arns = ["arn:aws:iam::000000000000:root"]
  }
  expect_failures = [var.sender_arns]
}

run "a_name_that_is_no_service_is_refused" {
  command = plan
  variables {
    service_principals = ["*"]
  }
  expect_failures = [var.service_principals]
}

run "a_day_of_grace_is_refused" {
  command = plan
  variables {
    deletion_window_days = 1
  }
  expect_failures = [var.deletion_window_days]
}
