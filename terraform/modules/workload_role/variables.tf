variable "name" {
  description = "Name of the role."
  type        = string
}

variable "cluster_name" {
  description = "Cluster whose pods take the role."
  type        = string
}

variable "cluster_arn" {
  description = "The same as an ARN; the role trusts EKS for this cluster alone."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
}

variable "service_account" {
  description = "Service account whose pods take the role."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.service_account)) && var.service_account != "default"
    error_message = "service_account: a name of Kubernetes other than default, which every pod of the namespace has."
  }
}

variable "policy_json" {
  description = "What the role may do."
  type        = string

  validation {
    condition     = can(jsondecode(var.policy_json))
    error_message = "policy_json: not JSON."
  }
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}
