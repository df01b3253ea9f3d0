output "redis_address" {
  description = "RAY_REDIS_ADDRESS of Ray's head (gcsFaultToleranceOptions.redisAddress); rediss is Redis over TLS."
  value       = try("rediss://${aws_elasticache_replication_group.this[0].primary_endpoint_address}:6379", null)
}

output "replication_group_id" {
  description = "For alarms, and for setting the password."
  value       = var.name
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = aws_security_group.this.id
}
