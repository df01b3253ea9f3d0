# Alarms of what AWS runs for the farm. What the farm itself measures has alerts in observability/.
locals {
  queue    = var.watched.queue[*]
  database = var.watched.database[*]
  edge     = var.watched.edge[*]
  copied   = var.watched.replication[*]
  gib      = 1024 * 1024 * 1024

  # runbook: a heading of docs/operations/runbooks/AwsAlarms.md.
  queue_alarms = merge([for queue in local.queue : {
    "intake-refused" = {
      runbook   = "intake-refused"
      says      = "Messages that cannot become jobs lie in the dead-letter queue."
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      above     = 0, minutes = 5, times = 1, silence = "notBreaching"
      of        = { QueueName = queue.refused }
    }
    "intake-waits" = {
      runbook   = "intake-waits"
      says      = "The oldest message waits to become a job for longer than it should."
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      above     = var.watched.queue_age_s, minutes = 5, times = 3, silence = "notBreaching"
      of        = { QueueName = queue.jobs }
    }
  }]...)

  database_alarms = merge([for database in local.database : {
    "database-cpu" = {
      runbook   = "database-busy"
      says      = "The database's server has been busy for 15 minutes."
      namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
      above     = 85, minutes = 5, times = 3, silence = "breaching"
      of        = { DBInstanceIdentifier = database.identifier }
    }
    "database-connections" = {
      runbook   = "database-connections"
      says      = "The database is near its limit of connections."
      namespace = "AWS/RDS", metric = "DatabaseConnections", statistic = "Maximum"
      above     = database.connections, minutes = 5, times = 2, silence = "notBreaching"
      of        = { DBInstanceIdentifier = database.identifier }
    }
    "database-disk" = {
      runbook   = "database-disk"
      says      = "The database's disk is nearly full; without room it stops, and the farm with it."
      namespace = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum"
      below     = database.free_gib * local.gib, minutes = 5, times = 2, silence = "notBreaching"
      of        = { DBInstanceIdentifier = database.identifier }
    }
    "database-memory" = {
      runbook   = "database-busy"
      says      = "The database's server is short of memory."
      namespace = "AWS/RDS", metric = "FreeableMemory", statistic = "Minimum"
      below     = 256 * 1024 * 1024, minutes = 5, times = 3, silence = "notBreaching"
      of        = { DBInstanceIdentifier = database.identifier }
    }
  }]...)

  edge_alarms = merge([for edge in local.edge : {
    "api-no-target" = {
      runbook   = "api-down"
      says      = "No pod answers behind the load balancer."
      namespace = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum"
      below     = 1, minutes = 1, times = 3, silence = "breaching"
      of        = { LoadBalancer = edge.load_balancer, TargetGroup = edge.target_group }
    }
    "api-unreachable" = {
      runbook   = "api-down"
      says      = "The load balancer itself answers with errors: pods refuse or do not answer."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum"
      above     = 20, minutes = 5, times = 1, silence = "notBreaching"
      of        = { LoadBalancer = edge.load_balancer }
    }
  }]...)

  # One for each node, as a full node loses Ray's tables whatever the others have.
  cache_alarms = merge([for cache in var.watched.cache[*] : {
    for node in range(1, cache.nodes + 1) : "cache-memory-${node}" => {
      runbook   = "ray-redis"
      says      = "Redis, where Ray's head keeps its tables, is nearly full."
      namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum"
      above     = 80, minutes = 5, times = 2, silence = "notBreaching"
      of        = { CacheClusterId = format("%s-%03d", cache.replication_group_id, node) }
    }
  }]...)

  replication_alarms = merge([for copied in local.copied : {
    "storage-copy-late" = {
      runbook   = "storage-copy"
      says      = "Objects reach the other region more than an hour late: beyond the recovery point."
      namespace = "AWS/S3", metric = "ReplicationLatency", statistic = "Maximum"
      above     = 3600, minutes = 5, times = 3, silence = "notBreaching"
      of        = { SourceBucket = copied.source, DestinationBucket = copied.destination, RuleId = "all" }
    }
    "storage-copy-failed" = {
      runbook   = "storage-copy"
      says      = "Objects could not be copied to the other region."
      namespace = "AWS/S3", metric = "OperationsFailedReplication", statistic = "Sum"
      above     = 0, minutes = 5, times = 1, silence = "notBreaching"
      of        = { SourceBucket = copied.source, DestinationBucket = copied.destination, RuleId = "all" }
    }
  }]...)

  nat_alarms = { for zone, id in var.watched.nat_gateways : "nat-ports-${zone}" => {
    runbook   = "network-out"
    says      = "The NAT gateway has no ports left: connections to the internet fail."
    namespace = "AWS/NATGateway", metric = "ErrorPortAllocation", statistic = "Sum"
    above     = 0, minutes = 5, times = 2, silence = "notBreaching"
    of        = { NatGatewayId = id }
  } }

  backup_alarms = merge([for vault in var.watched.backup_vault[*] : {
    "backup-failed" = {
      runbook   = "backup-failed"
      says      = "A backup did not complete."
      namespace = "AWS/Backup", metric = "NumberOfBackupJobsFailed", statistic = "Sum"
      above     = 0, minutes = 60, times = 1, silence = "notBreaching"
      of        = { BackupVaultName = vault }
    }
    "backup-missing" = {
      runbook   = "backup-failed"
      says      = "No backup completed for a day."
      namespace = "AWS/Backup", metric = "NumberOfBackupJobsCompleted", statistic = "Sum"
      below     = 1, minutes = 1440, times = 1, silence = "breaching"
      of        = { BackupVaultName = vault }
    }
  }]...)

  alarms = merge(
    local.queue_alarms, local.database_alarms, local.edge_alarms, local.cache_alarms, local.replication_alarms,
    local.nat_alarms, local.backup_alarms,
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} ${var.runbook_url}/AwsAlarms.md#${each.value.runbook}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.of
  comparison_operator = try(each.value.above, null) != null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(coalesce(try(each.value.above, null), try(each.value.below, null)), 0)
  period              = each.value.minutes * 60
  evaluation_periods  = each.value.times
  treat_missing_data  = each.value.silence
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# A share, not a count: twenty errors are many at night and few by day.
resource "aws_cloudwatch_metric_alarm" "api_errors" {
  for_each            = { for edge in local.edge : "api-errors" => edge }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "The API answers too many requests with a fault of its own. ${var.runbook_url}/AwsAlarms.md#api-errors"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.watched.api_errors_share
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "share"
    expression  = "IF(requests > 100, errors / requests, 0)"
    label       = "Share of requests that failed"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      stat        = "Sum"
      period      = 300
      dimensions  = { LoadBalancer = each.value.load_balancer, TargetGroup = each.value.target_group }
    }
  }
  metric_query {
    id = "requests"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      stat        = "Sum"
      period      = 300
      dimensions  = { LoadBalancer = each.value.load_balancer, TargetGroup = each.value.target_group }
    }
  }
}
