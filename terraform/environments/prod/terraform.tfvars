environment    = "prod"
namespace      = "rayfarm-production"
region         = "eu-central-1"
replica_region = "eu-west-1"
zone_count     = 3
vpc_cidr       = "10.40.0.0/16"
nat_per_zone   = true
prometheus     = true

interface_endpoints = ["ecr.api", "ecr.dkr", "sqs", "sts", "secretsmanager", "kms", "eks-auth"]

node_groups = {
  control       = { pool = "control", instance_types = ["m7i.2xlarge"], min_size = 3, max_size = 6 }
  tasks         = { pool = "tasks", instance_types = ["m6id.4xlarge", "m5d.4xlarge", "r6id.4xlarge"], capacity_type = "SPOT", local_nvme = true, max_size = 8 }
  gpu-on-demand = { pool = "gpu-on-demand", instance_types = ["g6e.4xlarge"], gpu = true, local_nvme = true, max_size = 8, disk_gib = 200 }
  gpu-spot      = { pool = "gpu-spot", instance_types = ["g6e.4xlarge", "g6.4xlarge", "g5.4xlarge"], capacity_type = "SPOT", gpu = true, local_nvme = true, max_size = 24, disk_gib = 200 }
}

database = {
  instance_class        = "db.r8g.xlarge"
  storage_gib           = 400
  max_storage_gib       = 2000
  multi_az              = true
  backup_retention_days = 35
  connections           = 1500
}

cache  = { node_type = "cache.m7g.large", nodes = 3 }
backup = { daily_days = 35, monthly_days = 365, lock_days = 30 }

noncurrent_days    = 30
log_retention_days = 365
alarm_emails       = ["on-call@example.org"]
runbook_url        = "https://docs.example.org/rayfarm/runbooks"
