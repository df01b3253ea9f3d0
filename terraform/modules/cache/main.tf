# Redis for Ray's GCS, so that a head that restarts finds its cluster again. No fact of the farm is in it.
resource "aws_elasticache_subnet_group" "this" {
  count      = var.emulated ? 0 : 1
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Redis of Ray"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.client_security_group_ids
  security_group_id            = aws_security_group.this.id
  description                  = "Redis from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31: The password is set after the first apply from Secrets Manager (docs/operations/terraform.md): here it would lie in the state, for which the provider has no write-only argument
  #checkov:skip=CKV2_AWS_50: Failover is on with two nodes or more; dev has one
  count                      = var.emulated ? 0 : 1
  replication_group_id       = var.name
  description                = "Tables of Ray's head"
  engine                     = "redis"
  engine_version             = "7.1"
  node_type                  = var.node_type
  num_cache_clusters         = var.nodes
  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1
  parameter_group_name       = "default.redis7"
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.this.id]
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = var.snapshot_days

  lifecycle {
    ignore_changes = [auth_token, auth_token_update_strategy]
  }
}
