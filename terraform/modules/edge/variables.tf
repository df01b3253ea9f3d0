variable "name" {
  description = "Prefix of every name."
  type        = string

  validation {
    condition     = length(var.name) <= 28
    error_message = "name: 28 characters at most, as load balancers and target groups have 32."
  }
}

variable "domain_name" {
  description = "Name of the farm, such as farm.example.org: RAYFARM_API_PUBLIC_URL."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name: a full name in lower-case letters without https:// and without a wildcard, such as farm.example.org."
  }
}

variable "zone_id" {
  description = "Hosted zone of Route 53 that the name lies in."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "cluster_security_group_id" {
  description = "Security group of the pods."
  type        = string
}

variable "gateway_port" {
  description = "Port of the pods that take requests: Istio's gateway before Ray Serve, or Ray Serve itself (8000)."
  type        = number
  default     = 80
}

variable "firewall_arn" {
  description = "Web ACL before CloudFront."
  type        = string
}

variable "log_bucket" {
  description = "Bucket that takes the access logs."
  type        = object({ name = string, arn = string })
}

variable "price_class" {
  description = "Which of CloudFront's places serve: PriceClass_100 is Europe and North America."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class: PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "protected" {
  description = "Whether a deletion of the load balancer is refused."
  type        = bool
  default     = true
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}
