mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name            = "rayfarm-mock-renderer"
  cluster_name    = "rayfarm-mock"
  cluster_arn     = "arn:aws:eks:eu-central-1:000000000000:cluster/rayfarm-mock"
  namespace       = "rayfarm-production"
  service_account = "rayfarm-renderer"
  policy_json     = "{\"Version\": \"2012-10-17\", \"Statement\": []}"
}

run "only_one_service_account_of_one_cluster_takes_it" {
  command = plan
  assert {
    condition     = one(one(data.aws_iam_policy_document.assume.statement).condition).values[0] == var.cluster_arn
    error_message = "Pods of other clusters of this account could take the role."
  }
  assert {
    condition     = aws_eks_pod_identity_association.this[0].namespace == "rayfarm-production" && aws_eks_pod_identity_association.this[0].service_account == "rayfarm-renderer"
    error_message = "The wrong pods get the role."
  }
}

run "every_pod_has_the_default_account" {
  command = plan
  variables {
    service_account = "default"
  }
  expect_failures = [var.service_account]
}

run "a_policy_is_json" {
  command = plan
  variables {
    policy_json = "everything"
  }
  expect_failures = [var.policy_json]
}
