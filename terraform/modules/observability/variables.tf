variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the topic. CloudWatch, RDS and AWS Backup must be allowed to use it."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key that CloudWatch Logs may encrypt with."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 180, 365, 731, 1827], var.log_retention_days)
    error_message = "log_retention_days: 30, 60, 90, 120, 180, 365, 731 or 1827; CloudWatch takes no others."
  }
}

variable "runbook_url" {
  description = "Where the pages of docs/operations/runbooks are read, without a slash at its end. Each alarm links to its page."
  type        = string

  validation {
    condition     = can(regex("^https://[^ ]+[^/ ]$", var.runbook_url))
    error_message = "runbook_url: an https address without a slash at its end, or an alarm at night leads nowhere."
  }
}

variable "alarm_emails" {
  description = "Addresses that hear of alarms; each has to confirm once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alarm_emails: addresses of e-mail."
  }
}

variable "alarm_endpoints" {
  description = "https addresses of a pager that hear of alarms."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_endpoints : startswith(address, "https://")])
    error_message = "alarm_endpoints: https addresses."
  }
}

variable "watched" {
  description = "What there is to watch. What is null has no alarms."
  type = object({
    queue            = optional(object({ jobs = string, refused = string }))
    database         = optional(object({ identifier = string, connections = number, free_gib = number }))
    edge             = optional(object({ load_balancer = string, target_group = string }))
    cache            = optional(object({ replication_group_id = string, nodes = number }))
    replication      = optional(object({ source = string, destination = string }))
    nat_gateways     = optional(map(string), {})
    backup_vault     = optional(string)
    queue_age_s      = optional(number, 3600)
    api_errors_share = optional(number, 0.01)
  })
}

variable "prometheus" {
  description = "Whether there is a workspace of Amazon Managed Prometheus."
  type        = bool
  default     = false
}

variable "grafana" {
  description = "Whether there is a workspace of Amazon Managed Grafana. It needs IAM Identity Center in the account."
  type        = bool
  default     = false

  validation {
    condition     = !var.grafana || var.prometheus
    error_message = "grafana: set prometheus too; without it the dashboards have no source."
  }
}
