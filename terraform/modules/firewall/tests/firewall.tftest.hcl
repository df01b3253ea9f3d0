mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "rayfarm-mock"
}

run "the_firewall_lets_scenes_pass_and_floods_not" {
  command = plan
  assert {
    condition     = one([for rule in aws_wafv2_web_acl.this.rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "flood"]) == 100000
    error_message = "No flood is stopped."
  }
  assert {
    condition = contains(flatten([for rule in aws_wafv2_web_acl.this.rule :
    [for override in rule.statement[0].managed_rule_group_statement[0].rule_action_override : override.name] if rule.name == "common"]), "SizeRestrictions_BODY")
    error_message = "Uploads of more than 8 KiB would be refused."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_logging_configuration.this.redacted_fields) == 3
    error_message = "Credentials or signed links would stand in the firewall's log."
  }
}

run "a_limit_that_stops_a_browser_is_refused" {
  command = plan
  variables {
    requests_per_5_minutes = 100
  }
  expect_failures = [var.requests_per_5_minutes]
}
