output "alarm_topic_arn" {
  description = "Topic of alarms, once it has its policy."
  value       = aws_sns_topic_policy.alarms.arn
}

output "runbooks" {
  description = "Headings of docs/operations/runbooks/AwsAlarms.md that alarms link to."
  value       = sort(distinct(concat([for alarm in values(local.alarms) : alarm.runbook], length(local.edge) > 0 ? ["api-errors"] : [])))
}

output "prometheus" {
  description = "The workspace: where Prometheus writes to."
  value = var.prometheus ? {
    arn              = aws_prometheus_workspace.this[0].arn
    remote_write_url = "${aws_prometheus_workspace.this[0].prometheus_endpoint}api/v1/remote_write"
  } : null
}

output "settings" {
  description = "Settings of the farm."
  value       = var.grafana ? { RAYFARM_API_GRAFANA_URL = "https://${aws_grafana_workspace.this[0].endpoint}" } : {}
}
