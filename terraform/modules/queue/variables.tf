variable "name" {
  description = "Prefix of the queues' names."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that messages are encrypted with. S3 must be allowed to use it where it sends events."
  type        = string
}

variable "max_receives" {
  description = "RAYFARM_INTAKE_MAX_RECEIVES: after so many the farm itself moves a message to the dead-letter queue."
  type        = number
  default     = 50

  validation {
    condition     = var.max_receives >= 1 && var.max_receives <= 900
    error_message = "max_receives: 1 to 900; SQS's own count lies 10 % and 10 above it, and 1000 is the most that SQS takes."
  }
}

variable "visibility_seconds" {
  description = "RAYFARM_INTAKE_VISIBILITY: how long a message that is worked on is hidden; the farm renews it."
  type        = number
  default     = 60

  validation {
    condition     = var.visibility_seconds >= 3 && var.visibility_seconds <= 43200
    error_message = "visibility_seconds: 3 to 43200 (12 h), as RAYFARM_INTAKE_VISIBILITY."
  }
}

variable "source_bucket_arns" {
  description = "Buckets whose new objects become jobs. A queue that takes these takes nobody else's messages."
  type        = list(string)
  default     = []
}

variable "sender_arns" {
  description = "Roles of this or other accounts that may send messages. The key's policy must let them too (sender_arns of modules/key); one of another account has sqs:SendMessage, kms:GenerateDataKey and kms:Decrypt by its own IAM besides."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.sender_arns) == 0 || length(var.source_bucket_arns) == 0
    error_message = "sender_arns: a queue takes either events of buckets or messages of programs. Who may send to it can have any object that a rule names rendered (docs/operations/sqs.md)."
  }

  validation {
    condition     = alltrue([for arn in var.sender_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "sender_arns: ARNs of roles or users of IAM; no whole accounts and no wildcards."
  }
}
