# What prod gets, a release earlier: the same modules, protected, with copies, smaller machines.
environment    = "stage"
namespace      = "rayfarm-staging"
region         = "eu-central-1"
replica_region = "eu-west-1"
zone_count     = 3
vpc_cidr       = "10.30.0.0/16"
nat_per_zone   = false
prometheus     = true

node_groups = {
  control       = { pool = "control", instance_types = ["m7i.xlarge"], min_size = 2, max_size = 4 }
  tasks         = { pool = "tasks", instance_types = ["m7i.2xlarge", "m6i.2xlarge"], capacity_type = "SPOT", max_size = 4 }
  gpu-on-demand = { pool = "gpu-on-demand", instance_types = ["g6.2xlarge"], gpu = true, local_nvme = true, max_size = 2 }
  gpu-spot      = { pool = "gpu-spot", instance_types = ["g6.2xlarge", "g5.2xlarge"], capacity_type = "SPOT", gpu = true, local_nvme = true, max_size = 4 }
}

database = {
  instance_class        = "db.r8g.large"
  storage_gib           = 100
  max_storage_gib       = 500
  multi_az              = true
  backup_retention_days = 7
  connections           = 600
}

cache  = { node_type = "cache.t4g.small", nodes = 2 }
backup = { daily_days = 14, monthly_days = 60 }

log_retention_days = 90
runbook_url        = "https://docs.example.org/rayfarm/runbooks"
