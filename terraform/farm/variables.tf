variable "environment" {
  description = "Which of the farms this is."
  type        = string

  validation {
    condition     = contains(["dev", "test", "stage", "prod"], var.environment)
    error_message = "environment: dev, test, stage or prod."
  }
}

variable "region" {
  description = "Region of the farm. Look first whether it has the cards: GPU quotas of a new account are zero."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: such as eu-west-1."
  }
}

variable "replica_region" {
  description = "Region of the copies: objects, backups, secrets."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region)) && var.replica_region != var.region
    error_message = "replica_region: another region than region, such as eu-central-1."
  }
}

variable "zone_count" {
  description = "Availability zones to use."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count: 2 or 3 zones."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC; see modules/network."
  type        = string
  default     = "10.40.0.0/16"
}

variable "service_cidr" {
  description = "Addresses of Services, which overlap with vpc_cidr nowhere; see modules/eks."
  type        = string
  default     = "172.20.0.0/16"
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services reached inside of the VPC."
  type        = set(string)
  default     = []
}

variable "domain_name" {
  description = "Name of the farm. Yours: terraform apply -var domain_name=… or TF_VAR_domain_name."
  type        = string
}

variable "zone_id" {
  description = "Hosted zone of Route 53 that the name lies in."
  type        = string

  validation {
    condition     = can(regex("^[A-Z0-9]{10,32}$", var.zone_id))
    error_message = "zone_id: the id of a hosted zone, such as Z0123456789ABC; `aws route53 list-hosted-zones` shows it."
  }
}

variable "admin_principal_arns" {
  description = "Roles of IAM that administer the cluster."
  type        = set(string)
  default     = []
}

variable "public_access_cidrs" {
  description = "Networks that may reach the Kubernetes API."
  type        = list(string)
  default     = []
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
  default     = "1.33"
}

variable "node_groups" {
  description = "Groups of nodes; see modules/eks."
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
}

variable "database" {
  description = "Size and safety of PostgreSQL; see modules/data. `connections` is when to alarm: 4 + 4 of each process of the farm."
  type = object({
    instance_class        = string
    storage_gib           = number
    max_storage_gib       = number
    multi_az              = bool
    backup_retention_days = number
    connections           = number
  })

  validation {
    condition     = var.environment != "prod" || (var.database.multi_az && var.database.backup_retention_days >= 14)
    error_message = "database: prod is Multi-AZ with 14 days of point-in-time recovery or more."
  }
}

variable "cache" {
  description = "Redis of Ray's head; null: none (Ray's own RocksDB, or a head that forgets)."
  type        = object({ node_type = string, nodes = number })
  default     = null
}

variable "protected" {
  description = "Whether database, load balancer, buckets and images refuse to be deleted with what is in them."
  type        = bool
  default     = true

  validation {
    condition     = var.protected || contains(["dev", "test"], var.environment)
    error_message = "protected: stage and prod stay protected. To take one down, see docs/operations/terraform.md."
  }
}

variable "replicated" {
  description = "Whether objects, backups and secrets are copied to replica_region."
  type        = bool
  default     = true

  validation {
    condition     = var.replicated || var.environment != "prod"
    error_message = "replicated: prod has its copies."
  }
}

variable "noncurrent_days" {
  description = "Days in which deleted and replaced objects can be brought back."
  type        = number
  default     = 30
}

variable "source_bucket_names" {
  description = "Your buckets whose new objects become jobs (RAYFARM_INTAKE_RULES says how)."
  type        = list(string)
  default     = []
}

variable "delivery_bucket_names" {
  description = "Buckets in this region that destinations of projects deliver to: S3 is reached for named buckets alone. The rights are each destination's own keys."
  type        = list(string)
  default     = []
}

variable "sender_arns" {
  description = "Roles that may send jobs to the queue; not together with source_bucket_names. A role of another account needs the same by its own IAM: sqs:SendMessage on the queue, kms:GenerateDataKey and kms:Decrypt on its key (output queue)."
  type        = list(string)
  default     = []
}

variable "intake" {
  description = "Whether the farm takes jobs from its queue. First put RAYFARM_INTAKE_API_KEY into the secret loops, a key that can be made only once the farm runs."
  type        = bool
  default     = false
}

variable "given_secrets" {
  description = "Secrets beside the farm's own whose values you put in, with what belongs there."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.given_secrets) : can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "given_secrets: names are lower-case letters, digits and dashes."
  }
}

variable "secret_generation" {
  description = "Raise one to make new values of that generated secret (keys, ray, redis). Read docs/operations/terraform.md first: sessions and webhooks hang on them."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.secret_generation) : contains(["keys", "ray", "redis"], name)])
    error_message = "secret_generation: keys, ray or redis."
  }
}

variable "alarm_emails" {
  description = "Addresses that hear of alarms."
  type        = set(string)
  default     = []

  validation {
    condition     = var.environment != "prod" || length(var.alarm_emails) > 0 || length(var.alarm_endpoints) > 0
    error_message = "alarm_emails: somebody must hear of prod's alarms; give alarm_emails or alarm_endpoints."
  }
}

variable "alarm_endpoints" {
  description = "https addresses of a pager."
  type        = set(string)
  default     = []
}

variable "runbook_url" {
  description = "Where docs/operations/runbooks is read by who gets an alarm."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365
}

variable "prometheus" {
  description = "A workspace of Amazon Managed Prometheus."
  type        = bool
  default     = false
}

variable "prometheus_account" {
  description = "Service account of the Prometheus that writes to the workspace: of the chart kube-prometheus-stack, installed under its own name."
  type        = object({ namespace = string, service_account = string })
  default     = { namespace = "monitoring", service_account = "kube-prometheus-stack-prometheus" }
}

variable "grafana" {
  description = "A workspace of Amazon Managed Grafana."
  type        = bool
  default     = false
}

variable "backup" {
  description = "Backups beside the database's own; null: none. `objects`: the bucket too, at the price of a second one."
  type        = object({ daily_days = number, monthly_days = number, lock_days = optional(number), objects = optional(bool, false) })
  default     = null

  validation {
    condition     = var.backup != null || var.environment != "prod"
    error_message = "backup: prod has backups."
  }
}

variable "namespace" {
  description = "Namespace of Kubernetes that the farm runs in: that of the overlay in kuberay/."
  type        = string
}

variable "emulated" {
  description = "Leaves out what a local server of AWS's protocol (moto) does not know. Of tests alone."
  type        = bool
  default     = false
}
