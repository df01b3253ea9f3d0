variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: 3 to 63 lower-case letters, digits and dashes; no dots, which break TLS of virtual hosts."
  }
}

variable "kms_key_arn" {
  description = "Key that objects are encrypted with; null: S3's own (of logs, whose writers take no other)."
  type        = string
  default     = null
}

variable "versioned" {
  description = "Whether replaced and deleted objects are kept for noncurrent_days."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "Days after which replaced and deleted objects are gone for good: how late a deletion can be undone."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days: 1 or more."
  }
}

variable "expire_days" {
  description = "Days after which objects are deleted; null: never (the farm's own retention does it)."
  type        = number
  default     = null
}

variable "tiering_days" {
  description = "Days after which objects move to Intelligent-Tiering; null: never."
  type        = number
  default     = null
}

variable "abandoned_upload_days" {
  description = "Days after which parts of an upload that never ended are removed. RAYFARM_STORAGE_UPLOAD_LIFETIME is 7."
  type        = number
  default     = 8

  validation {
    condition     = var.abandoned_upload_days > 7
    error_message = "abandoned_upload_days: more than the 7 days of RAYFARM_STORAGE_UPLOAD_LIFETIME, or S3 removes parts of uploads that still go on."
  }
}

variable "log_bucket" {
  description = "Bucket that takes this one's access log; null: none (of the log bucket itself). An object, as its name may not be known before it is made."
  type        = object({ name = string })
  default     = null
}

variable "cors_origins" {
  description = "Origins whose pages upload to and download from the bucket by signed links."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[^*/]+$", origin))])
    error_message = "cors_origins: https origins without a path or a wildcard, such as https://farm.example.org."
  }
}

variable "policy_documents" {
  description = "Statements beside the one that refuses plain HTTP, as JSON documents."
  type        = list(string)
  default     = []
}

variable "replica" {
  description = "Bucket of another region that gets a copy of each object, and its key; null: none."
  type        = object({ bucket_arn = string, kms_key_arn = string })
  default     = null
}

variable "force_destroy" {
  description = "Whether terraform destroy may delete what is in it. Of development alone."
  type        = bool
  default     = false
}
