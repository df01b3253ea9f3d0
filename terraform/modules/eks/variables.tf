variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes. An upgrade takes one minor at a time."
  type        = string
  default     = "1.33"

  validation {
    condition     = can(regex("^1\\.(3[2-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version: 1.32 or newer, such as 1.33; the manifests in kuberay/ are checked against these."
  }
}

variable "subnet_ids" {
  description = "Subnets of nodes and pods."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: EKS needs subnets of two zones."
  }
}

variable "control_subnet_ids" {
  description = "Subnets of the Kubernetes API's interfaces in the VPC."
  type        = list(string)
}

variable "public_access_cidrs" {
  description = "Networks that may reach the Kubernetes API from outside of the VPC. None: it has no public address."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "public_access_cidrs: networks of /16 or smaller, such as an office's 198.51.100.0/24. The whole internet is refused: leave it empty and come through the VPC."
  }
}

variable "admin_principal_arns" {
  description = "Roles of IAM that administer the cluster. Nobody is administrator by having made it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.admin_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/", arn))])
    error_message = "admin_principal_arns: ARNs of roles, such as arn:aws:iam::<account>:role/Operators; people come by their single sign-on."
  }
}

variable "secrets_key_arn" {
  description = "KMS key that Kubernetes' secrets are encrypted with in etcd."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key that CloudWatch Logs may encrypt with."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs of the control plane, the audit log among them, are kept."
  type        = number
  default     = 365
}

variable "node_groups" {
  description = <<-EOT
    Groups of nodes by name. `pool` becomes the label rayfarm.io/pool, by which the manifests choose. `gpu`: NVIDIA's AMI and
    the taint nvidia.com/gpu. `local_nvme`: the disks of the instance become one, for images, scratch and caches of models.
  EOT
  type = map(object({
    pool           = string
    instance_types = list(string)
    capacity_type  = optional(string, "ON_DEMAND")
    gpu            = optional(bool, false)
    local_nvme     = optional(bool, false)
    min_size       = optional(number, 0)
    max_size       = number
    disk_gib       = optional(number, 100)
  }))

  validation {
    condition     = anytrue([for group in values(var.node_groups) : !group.gpu && group.capacity_type == "ON_DEMAND" && group.min_size >= 1])
    error_message = "node_groups: one on-demand group without GPUs needs min_size of 1 or more: Ray's head, the API and the dispatcher run there and are not scaled to zero."
  }

  validation {
    condition     = alltrue([for group in values(var.node_groups) : contains(["ON_DEMAND", "SPOT"], group.capacity_type)])
    error_message = "node_groups: capacity_type is ON_DEMAND or SPOT."
  }

  validation {
    condition     = alltrue([for group in values(var.node_groups) : group.max_size >= 1 && group.min_size >= 0 && group.min_size <= group.max_size])
    error_message = "node_groups: min_size is 0 to max_size, and max_size 1 or more."
  }

  validation {
    condition     = alltrue([for group in values(var.node_groups) : group.capacity_type != "SPOT" || length(group.instance_types) >= 2])
    error_message = "node_groups: a spot group names two instance types or more, or it has no nodes whenever the one is sold out."
  }

  validation {
    condition     = alltrue([for name, group in var.node_groups : can(regex("^[a-z][a-z0-9-]{0,30}$", name)) && can(regex("^[a-z][a-z0-9-]{0,30}$", group.pool))])
    error_message = "node_groups: names and pools are lower-case letters, digits and dashes."
  }
}

variable "addon_versions" {
  description = "Versions of EKS add-ons by name; null: the default of the cluster's version at the time of apply."
  type        = map(string)
  default     = {}
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}

variable "service_cidr" {
  description = "Addresses of Services, outside of the VPC's and of every network that pods call. Fixed once the cluster is made."
  type        = string
  default     = "172.20.0.0/16"

  validation {
    condition     = can(cidrhost(var.service_cidr, 0)) && try(tonumber(split("/", var.service_cidr)[1]) >= 12 && tonumber(split("/", var.service_cidr)[1]) <= 24, false)
    error_message = "service_cidr: a private network of /12 to /24, such as 172.20.0.0/16; EKS takes no others."
  }
}
