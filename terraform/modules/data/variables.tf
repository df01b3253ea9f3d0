variable "name" {
  description = "Name of the database's instance."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the database, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: RDS needs subnets of two zones."
  }
}

variable "client_security_group_ids" {
  description = "Who may connect, by a name of your own."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key of the storage, the master's password and Performance Insights."
  type        = string
}

variable "instance_class" {
  description = "Size of the server. 2,000 frames a second took two cores and 4 GiB."
  type        = string
  default     = "db.r8g.large"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class: begins with db., such as db.r8g.large."
  }
}

variable "engine_version" {
  description = "Major version of PostgreSQL; minor ones come in the maintenance window."
  type        = string
  default     = "17"

  validation {
    condition     = contains(["15", "16", "17"], var.engine_version)
    error_message = "engine_version: 15, 16 or 17; the farm is tested with the major version of its embedded server and newer ones."
  }
}

variable "storage_gib" {
  description = "Disk at the start. A million frames take about 1 GiB."
  type        = number
  default     = 100

  validation {
    condition     = var.storage_gib >= 20
    error_message = "storage_gib: 20 or more."
  }
}

variable "max_storage_gib" {
  description = "To what the disk may grow by itself."
  type        = number
  default     = 1000

  validation {
    condition     = var.max_storage_gib > var.storage_gib
    error_message = "max_storage_gib: more than storage_gib, or the disk never grows and the farm stops when it is full."
  }
}

variable "multi_az" {
  description = "A second server in another zone that takes over within two minutes, and doubles the price."
  type        = bool
  default     = true
}

variable "backup_retention_days" {
  description = "How far back the database can be restored to any second (PITR)."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days: 1 to 35. 0 would turn point-in-time recovery off."
  }
}

variable "protected" {
  description = "Whether a deletion is refused, and a last snapshot is kept."
  type        = bool
  default     = true
}

variable "statement_log_ms" {
  description = "Statements that take longer are written to the log, in milliseconds."
  type        = number
  default     = 1000
}

variable "logs_key_arn" {
  description = "KMS key that CloudWatch Logs may encrypt with."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the database's log is kept."
  type        = number
  default     = 365
}
