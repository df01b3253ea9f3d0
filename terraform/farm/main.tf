data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394: Only the first var.zone_count names are used, and AWS names a new zone after those that are there
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name      = "rayfarm-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  replicas  = var.replicated ? { this = true } : {}
}

module "data_key" {
  source      = "../modules/key"
  name        = "${local.name}-data"
  description = "What Rayfarm ${var.environment} keeps"
  service_principals = concat(
    ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com", "backup.amazonaws.com"],
    length(var.source_bucket_names) > 0 ? ["s3.amazonaws.com"] : [],
  )
  sender_arns = var.sender_arns
}

module "logs_key" {
  source             = "../modules/key"
  name               = "${local.name}-logs"
  description        = "Logs of Rayfarm ${var.environment}"
  service_principals = ["logs.${var.region}.amazonaws.com"]
}

module "replica_key" {
  source      = "../modules/key"
  for_each    = local.replicas
  providers   = { aws = aws.replica }
  name        = "${local.name}-copies"
  description = "Copies of what Rayfarm ${var.environment} keeps"
}

module "network" {
  source              = "../modules/network"
  name                = local.name
  vpc_cidr            = var.vpc_cidr
  availability_zones  = slice(data.aws_availability_zones.this.names, 0, var.zone_count)
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  bucket_names        = concat([local.objects_name], var.source_bucket_names, var.delivery_bucket_names)
  logs_key_arn        = module.logs_key.arn
}

module "eks" {
  source               = "../modules/eks"
  name                 = local.name
  kubernetes_version   = var.kubernetes_version
  service_cidr         = var.service_cidr
  subnet_ids           = module.network.private_subnet_ids
  control_subnet_ids   = module.network.control_subnet_ids
  public_access_cidrs  = var.public_access_cidrs
  admin_principal_arns = var.admin_principal_arns
  secrets_key_arn      = module.data_key.arn
  logs_key_arn         = module.logs_key.arn
  log_retention_days   = var.log_retention_days
  node_groups          = var.node_groups
  emulated             = var.emulated
}

module "registry" {
  source       = "../modules/registry"
  repositories = ["${local.name}/rayfarm-api", "${local.name}/rayfarm-renderer"]
  kms_key_arn  = module.data_key.arn
  force_delete = !var.protected
}

module "database" {
  source                    = "../modules/data"
  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.data_subnet_ids
  client_security_group_ids = { pods = module.eks.security_group_id }
  kms_key_arn               = module.data_key.arn
  logs_key_arn              = module.logs_key.arn
  log_retention_days        = var.log_retention_days
  instance_class            = var.database.instance_class
  storage_gib               = var.database.storage_gib
  max_storage_gib           = var.database.max_storage_gib
  multi_az                  = var.database.multi_az
  backup_retention_days     = var.database.backup_retention_days
  protected                 = var.protected
}

module "cache" {
  source                    = "../modules/cache"
  for_each                  = var.cache == null ? {} : { this = var.cache }
  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.data_subnet_ids
  client_security_group_ids = { pods = module.eks.security_group_id }
  kms_key_arn               = module.data_key.arn
  node_type                 = each.value.node_type
  nodes                     = each.value.nodes
  emulated                  = var.emulated
}

module "queue" {
  source             = "../modules/queue"
  name               = local.name
  kms_key_arn        = module.data_key.arn
  source_bucket_arns = [for name in var.source_bucket_names : "arn:${local.partition}:s3:::${name}"]
  sender_arns        = var.sender_arns
}

module "secrets" {
  source      = "../modules/secrets"
  name        = local.name
  kms_key_arn = module.data_key.arn
  # As components/external-secrets of kuberay/ names them, below the prefix.
  generated = merge(
    {
      keys = {
        fields     = ["api_token_key", "webhook_key"]
        generation = lookup(var.secret_generation, "keys", 1)
        # Lists of JSON: what was signed with these still holds. Empty with each new generation, to be filled by hand.
        fixed = { api_previous_token_keys = "[]", webhook_previous_keys = "[]" }
      }
      ray = { fields = ["auth_token"], generation = lookup(var.secret_generation, "ray", 1) }
    },
    var.cache == null ? {} : { redis = { fields = ["password"], generation = lookup(var.secret_generation, "redis", 1) } },
  )
  given = merge(
    {
      database       = "{\"url\": the output database_url_template with the farm's role and its password}"
      database-owner = "{\"url\": the same with the role that owns the tables}"
      # Empty until the farm runs: who needs one waits for it, or starts without.
      loops   = "{\"RAYFARM_INTAKE_API_KEY\": a key for the queue, \"RAYFARM_MAIL_PASSWORD\", \"RAYFARM_STRIPE_API_KEY\": what the farm has of these}"
      notices = "{\"api_key\": a key that may drain workers}"
    },
    var.given_secrets,
  )
  replica       = var.replicated ? { region = var.replica_region, kms_key_arn = module.replica_key["this"].arn } : null
  recovery_days = var.protected ? 30 : 0
}

module "firewall" {
  source             = "../modules/firewall"
  providers          = { aws = aws.us_east_1 }
  name               = local.name
  log_retention_days = var.log_retention_days
}

module "edge" {
  source                    = "../modules/edge"
  providers                 = { aws = aws, aws.us_east_1 = aws.us_east_1 }
  name                      = local.name
  domain_name               = var.domain_name
  zone_id                   = var.zone_id
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.edge_subnet_ids
  cluster_security_group_id = module.eks.security_group_id
  log_bucket                = { name = module.logs.name, arn = module.logs.arn }
  firewall_arn              = module.firewall.arn
  protected                 = var.protected
  emulated                  = var.emulated
}

module "observability" {
  source             = "../modules/observability"
  name               = local.name
  kms_key_arn        = module.data_key.arn
  logs_key_arn       = module.logs_key.arn
  log_retention_days = var.log_retention_days
  runbook_url        = var.runbook_url
  alarm_emails       = var.alarm_emails
  alarm_endpoints    = var.alarm_endpoints
  prometheus         = var.prometheus
  grafana            = var.grafana
  watched = {
    queue = { jobs = module.queue.jobs.name, refused = module.queue.refused.name }
    database = {
      identifier  = module.database.identifier
      connections = var.database.connections
      free_gib    = ceil(var.database.storage_gib * 0.1)
    }
    edge         = { load_balancer = module.edge.load_balancer_dimension, target_group = module.edge.target_group_dimension }
    cache        = var.cache == null ? null : { replication_group_id = local.name, nodes = var.cache.nodes }
    replication  = var.replicated ? { source = local.objects_name, destination = local.copies_name } : null
    nat_gateways = module.network.nat_gateway_ids
    backup_vault = var.backup == null ? null : local.name
  }
}

module "backup" {
  source          = "../modules/backup"
  for_each        = var.backup == null ? {} : { this = var.backup }
  providers       = { aws = aws, aws.replica = aws.replica }
  name            = local.name
  kms_key_arn     = module.data_key.arn
  resource_arns   = concat([module.database.arn], each.value.objects ? [module.objects.arn] : [])
  daily_days      = each.value.daily_days
  monthly_days    = each.value.monthly_days
  lock_days       = each.value.lock_days
  database_arn    = module.database.arn
  copy            = var.replicated ? { kms_key_arn = module.replica_key["this"].arn } : null
  alarm_topic_arn = module.observability.alarm_topic_arn
  emulated        = var.emulated
}
