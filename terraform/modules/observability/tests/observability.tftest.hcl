mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "rayfarm-mock"
  kms_key_arn  = "arn:aws:kms:eu-central-1:000000000000:key/data"
  logs_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/logs"
  runbook_url  = "https://docs.example.org/rayfarm/runbooks"
  watched = {
    queue        = { jobs = "rayfarm-mock-jobs", refused = "rayfarm-mock-refused" }
    database     = { identifier = "rayfarm-mock", connections = 500, free_gib = 10 }
    edge         = { load_balancer = "app/mock/0", target_group = "targetgroup/mock/0" }
    cache        = { replication_group_id = "rayfarm-mock", nodes = 2 }
    replication  = { source = "objects", destination = "copies" }
    nat_gateways = { a = "nat-a" }
    backup_vault = "rayfarm-mock"
  }
}

run "each_alarm_leads_to_its_page" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 15
    error_message = "An alarm is missing."
  }
  assert {
    condition = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.this), values(aws_cloudwatch_metric_alarm.api_errors)) :
    can(regex("https://docs\\.example\\.org/rayfarm/runbooks/AwsAlarms\\.md#[a-z-]+$", alarm.alarm_description)) && length(alarm.alarm_actions) == 1])
    error_message = "An alarm does not say what to do, or tells nobody."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["intake-refused"].threshold == 0 && aws_cloudwatch_metric_alarm.this["intake-refused"].dimensions["QueueName"] == "rayfarm-mock-refused"
    error_message = "docs/operations/sqs.md asks for an alarm on any message of the dead-letter queue."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["database-disk"].threshold == 10737418240 && aws_cloudwatch_metric_alarm.this["database-disk"].comparison_operator == "LessThanThreshold"
    error_message = "The disk's alarm must come below 10 GiB."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-no-target"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["backup-missing"].treat_missing_data == "breaching"
    error_message = "Silence would pass for health."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["cache-memory-2"].dimensions["CacheClusterId"] == "rayfarm-mock-002"
    error_message = "The alarm watches a node that is not there."
  }
}

run "nothing_to_watch_no_alarms" {
  command = plan
  variables {
    watched = {}
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) + length(aws_cloudwatch_metric_alarm.api_errors) + length(aws_db_event_subscription.this) == 0
    error_message = "An alarm of something that is not there would ring or never ring."
  }
}

run "metrics_and_dashboards_by_aws" {
  variables {
    prometheus = true
    grafana    = true
  }
  assert {
    condition     = output.prometheus.remote_write_url == "https://aps.example.org/workspaces/mock/api/v1/remote_write"
    error_message = "Prometheus would write to a wrong address."
  }
  assert {
    condition     = output.settings.RAYFARM_API_GRAFANA_URL == "https://mock.grafana.example.org"
    error_message = "The web app would link to a wrong address."
  }
}

run "dashboards_need_metrics" {
  command = plan
  variables {
    grafana = true
  }
  expect_failures = [var.grafana]
}

run "a_runbook_must_be_reachable" {
  command = plan
  variables {
    runbook_url = "docs/operations/runbooks"
  }
  expect_failures = [var.runbook_url]
}

run "a_pager_over_plain_http_is_refused" {
  command = plan
  variables {
    alarm_endpoints = ["http://pager.example.org"]
  }
  expect_failures = [var.alarm_endpoints]
}
