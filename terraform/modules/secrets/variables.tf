variable "name" {
  description = "Prefix of the secrets' names."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that the secrets are encrypted with."
  type        = string
}

variable "generated" {
  description = <<-EOT
    Secrets that are made here: the fields of each, and its generation. A higher generation makes new values at the next
    apply. They go from AWS's random numbers to Secrets Manager, and are in no state and no plan. `fixed`: other fields, with
    what they are to hold at first; no secrets.
  EOT
  type        = map(object({ fields = set(string), generation = optional(number, 1), fixed = optional(map(string), {}) }))
  default     = {}

  validation {
    condition     = alltrue([for secret in values(var.generated) : secret.generation >= 1 && floor(secret.generation) == secret.generation])
    error_message = "generated: generations are whole numbers from 1."
  }

  validation {
    condition     = alltrue([for secret in values(var.generated) : length(secret.fields) > 0])
    error_message = "generated: a secret has one field or more."
  }
}

variable "given" {
  description = "Secrets whose values an operator puts in, with what belongs there."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.given), keys(var.generated))) == 0
    error_message = "given: a secret is either given or generated."
  }
}

variable "rotations" {
  description = "Functions that change a secret, by its name, and after how many days. See docs/operations/terraform.md for those without."
  type        = map(object({ lambda_arn = string, days = number }))
  default     = {}

  validation {
    condition     = alltrue([for rotation in values(var.rotations) : rotation.days >= 1 && rotation.days <= 90])
    error_message = "rotations: 1 to 90 days."
  }
}

variable "replica" {
  description = "Region that has a copy of each secret, and its key; null: none."
  type        = object({ region = string, kms_key_arn = string })
  default     = null
}

variable "recovery_days" {
  description = "Days in which a deleted secret can be brought back; 0: none, of development alone."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days: 0, or 7 to 30."
  }
}
