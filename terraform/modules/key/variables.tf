variable "name" {
  description = "Alias of the key, without alias/."
  type        = string
}

variable "description" {
  description = "What it encrypts."
  type        = string
}

variable "service_principals" {
  description = "AWS services that use the key for us without acting as one of our roles, such as sns.amazonaws.com."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.service_principals : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", service))])
    error_message = "service_principals: names of services such as logs.eu-west-1.amazonaws.com."
  }
}

variable "sender_arns" {
  description = "Roles and users who send to queues that are encrypted with it. They use it through SQS alone."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.sender_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "sender_arns: ARNs of roles or users of IAM; no whole accounts and no wildcards."
  }
}

variable "deletion_window_days" {
  description = "Days between the deletion of the key and the loss of all that it encrypted."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days: 7 to 30 days."
  }
}
