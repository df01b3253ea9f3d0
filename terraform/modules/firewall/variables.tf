variable "name" {
  description = "Name of the rules."
  type        = string
}

variable "requests_per_5_minutes" {
  description = "Requests of one address in five minutes before it is refused. A studio may sit behind one; the API's own limits are by key."
  type        = number
  default     = 100000

  validation {
    condition     = var.requests_per_5_minutes >= 1000 && var.requests_per_5_minutes <= 2000000000
    error_message = "requests_per_5_minutes: 1000 or more; a browser that follows a job makes some hundred."
  }
}

variable "log_retention_days" {
  description = "Days that the firewall's log is kept."
  type        = number
  default     = 365
}
