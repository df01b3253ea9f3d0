# One person's farm, or a branch's: one zone's NAT, one database server, one card at most. About 350 USD a month idle.
environment    = "dev"
namespace      = "rayfarm-dev"
region         = "eu-central-1"
replica_region = "eu-west-1"
zone_count     = 2
vpc_cidr       = "10.10.0.0/16"
nat_per_zone   = false
protected      = false
replicated     = false

node_groups = {
  control  = { pool = "control", instance_types = ["m7i.xlarge"], min_size = 1, max_size = 2 }
  tasks    = { pool = "tasks", instance_types = ["m7i.2xlarge", "m6i.2xlarge"], capacity_type = "SPOT", max_size = 2 }
  gpu-spot = { pool = "gpu-spot", instance_types = ["g6.2xlarge", "g5.2xlarge"], capacity_type = "SPOT", gpu = true, local_nvme = true, max_size = 1 }
}

database = {
  instance_class        = "db.t4g.medium"
  storage_gib           = 20
  max_storage_gib       = 100
  multi_az              = false
  backup_retention_days = 1
  connections           = 150
}

noncurrent_days    = 7
log_retention_days = 30
runbook_url        = "https://docs.example.org/rayfarm/runbooks"
