variable "name" {
  description = "Prefix of every name, such as rayfarm-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and dashes, beginning with a letter."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. Every pod takes one of them, so make it large."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 18
    error_message = "vpc_cidr: an IPv4 network of /16 to /18, such as 10.40.0.0/16: each pod of the farm has an address of its own."
  }
}

variable "availability_zones" {
  description = "Names of the zones to use; RDS Multi-AZ, EKS and the cache need two at least."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 3 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones: two or three different zones."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone (about 33 USD a month each) rather than one for all, which goes down with its zone."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services reached inside the VPC rather than through NAT (about 7 USD a month for each and zone). S3 is always."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z][a-z0-9.-]+$", service))])
    error_message = "interface_endpoints: names of services without the region, such as ecr.api, sqs, secretsmanager."
  }
}

variable "bucket_names" {
  description = "Buckets of S3 in this region that nodes and pods may reach: the farm's, and those that it reads from or delivers to."
  type        = set(string)

  validation {
    condition     = length(var.bucket_names) > 0 && alltrue([for name in var.bucket_names : can(regex("^[a-z0-9][a-z0-9.-]{2,62}$", name))])
    error_message = "bucket_names: names of buckets, the farm's own at least; no wildcards, or the way is open to everybody's."
  }
}

variable "flow_log_retention_days" {
  description = "Days that records of connections are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 180, 365, 731, 1827], var.flow_log_retention_days)
    error_message = "flow_log_retention_days: 30, 60, 90, 120, 180, 365, 731 or 1827; CloudWatch takes no others."
  }
}

variable "logs_key_arn" {
  description = "KMS key that CloudWatch Logs may encrypt with."
  type        = string
}
