mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "rayfarm-mock"
  kms_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/data"
}

run "sqs_moves_a_message_later_than_the_farm" {
  assert {
    condition     = jsondecode(aws_sqs_queue.jobs.redrive_policy).maxReceiveCount == 65
    error_message = "SQS would move messages before the farm does, without the reason (RAYFARM_INTAKE_MAX_RECEIVES is 50)."
  }
  assert {
    condition     = output.settings.RAYFARM_INTAKE_MAX_RECEIVES == "50" && output.settings.RAYFARM_INTAKE_VISIBILITY == "PT60S"
    error_message = "The farm must be told what the queue was made for."
  }
  assert {
    condition     = aws_sqs_queue.refused.message_retention_seconds == 1209600
    error_message = "Refused messages are kept for two weeks, all that SQS allows."
  }
}

run "at_the_most_it_is_still_later" {
  variables {
    max_receives = 900
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.jobs.redrive_policy).maxReceiveCount == 1000
    error_message = "SQS takes 1000 at most."
  }
}

run "nobody_may_send_unless_named" {
  command = plan
  assert {
    condition     = [for statement in data.aws_iam_policy_document.jobs.statement : statement.effect] == ["Deny"]
    error_message = "Somebody may send whom nobody named."
  }
}

run "no_queue_takes_plain_http" {
  command = plan
  assert {
    condition = toset(keys(aws_sqs_queue_policy.others)) == toset(["refused", "results"]) && alltrue([
      for policy in values(data.aws_iam_policy_document.others) : one(policy.statement).effect == "Deny" &&
      one(one(policy.statement).condition).variable == "aws:SecureTransport"
    ])
    error_message = "What a message says, or the end of a job, could be read on the way."
  }
}

run "a_bucket_may_send_for_this_account_alone" {
  command = plan
  variables {
    source_bucket_arns = ["arn:aws:s3:::film-scenes"]
  }
  assert {
    condition = toset([for condition in one([for statement in data.aws_iam_policy_document.jobs.statement : statement if statement.sid == "NewObjects"]).condition :
    condition.variable]) == toset(["aws:SourceArn", "aws:SourceAccount"])
    error_message = "A bucket of the same name in another account could send."
  }
}

run "events_and_programs_do_not_share_a_queue" {
  command = plan
  variables {
    source_bucket_arns = ["arn:aws:s3:::film-scenes"]
    sender_arns        = ["arn:aws:iam::000000000000:role/pipeline"]
  }
  expect_failures = [var.sender_arns]
}

run "a_whole_account_may_not_send" {
  command = plan
  variables {
    sender_arns = ["arn:aws:iam::000000000000:root"]
  }
  expect_failures = [var.sender_arns]
}

run "more_receives_than_sqs_counts_are_refused" {
  command = plan
  variables {
    max_receives = 1000
  }
  expect_failures = [var.max_receives]
}
