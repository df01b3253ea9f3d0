variable "name" {
  description = "Name of the vault and the plan."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the vault."
  type        = string
}

variable "resource_arns" {
  description = "What is backed up: the database and the bucket of objects."
  type        = list(string)

  validation {
    condition     = length(var.resource_arns) > 0 && alltrue([for arn in var.resource_arns : startswith(arn, "arn:aws")])
    error_message = "resource_arns: one ARN or more; a plan that backs up nothing would look like one that does."
  }
}

variable "database_arn" {
  description = "The database's instance, whose own backups (PITR) are replicated with the copy."
  type        = string
}

variable "daily_days" {
  description = "Days that daily backups are kept."
  type        = number
  default     = 35

  validation {
    condition     = var.daily_days >= 1
    error_message = "daily_days: 1 or more."
  }
}

variable "monthly_days" {
  description = "Days that monthly backups are kept."
  type        = number
  default     = 365

  validation {
    condition     = var.monthly_days >= var.daily_days
    error_message = "monthly_days: no fewer than daily_days."
  }
}

variable "copy" {
  description = <<-EOT
    Whether each backup is copied to the other region, and the key of its vault there; null: not. `pitr_days`: how far back
    the database can be restored there to any second, but for the last minutes.
  EOT
  type        = object({ kms_key_arn = string, pitr_days = optional(number, 14) })
  default     = null

  validation {
    condition     = var.copy == null || try(var.copy.pitr_days >= 1 && var.copy.pitr_days <= 35, false)
    error_message = "copy: pitr_days is 1 to 35."
  }
}

variable "lock_days" {
  description = "Days before which nobody, an administrator neither, can delete a backup; null: no lock. It cannot be lifted after three days."
  type        = number
  default     = null

  validation {
    condition     = var.lock_days == null || try(var.lock_days >= 1 && var.lock_days <= var.daily_days, false)
    error_message = "lock_days: 1 to daily_days, or daily backups could not end."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic that hears of backups that failed."
  type        = string
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}
