variable "name" {
  description = "Name of the replication group."
  type        = string

  validation {
    condition     = length(var.name) <= 40
    error_message = "name: 40 characters at most."
  }
}

variable "vpc_id" {
  description = "VPC of the cache."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the cache."
  type        = list(string)
}

variable "client_security_group_ids" {
  description = "Who may connect, by a name of your own."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key of what is written to disk."
  type        = string
}

variable "node_type" {
  description = "Size of a node. Ray's tables are some tens of MB."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "node_type: begins with cache., such as cache.t4g.small."
  }
}

variable "nodes" {
  description = "Nodes; two or more take over from one another."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 6
    error_message = "nodes: 1 to 6 nodes."
  }
}

variable "snapshot_days" {
  description = "Days that daily snapshots are kept. Ray's tables are worth nothing once its cluster is gone."
  type        = number
  default     = 1
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}
