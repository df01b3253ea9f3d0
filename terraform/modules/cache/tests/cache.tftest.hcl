mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                      = "rayfarm-mock"
  vpc_id                    = "vpc-mock"
  subnet_ids                = ["subnet-a", "subnet-b"]
  client_security_group_ids = { pods = "sg-pods" }
  kms_key_arn               = "arn:aws:kms:eu-central-1:000000000000:key/data"
}

run "speaks_tls_and_takes_over" {
  assert {
    condition     = output.redis_address == "rediss://mock.cache.amazonaws.com:6379" && aws_elasticache_replication_group.this[0].transit_encryption_enabled
    error_message = "Ray would reach Redis in the clear, or not at all."
  }
  assert {
    condition     = aws_elasticache_replication_group.this[0].automatic_failover_enabled && aws_elasticache_replication_group.this[0].multi_az_enabled
    error_message = "Two nodes do not take over from one another."
  }
  assert {
    condition     = aws_elasticache_replication_group.this[0].auth_token == null
    error_message = "The password would be in the state."
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.clients) == ["pods"]
    error_message = "Somebody else than the pods may connect."
  }
}

run "one_node_takes_over_from_nobody" {
  command = plan
  variables {
    nodes = 1
  }
  assert {
    condition     = !aws_elasticache_replication_group.this[0].automatic_failover_enabled
    error_message = "ElastiCache refuses failover with one node."
  }
}

run "seven_nodes_are_refused" {
  command = plan
  variables {
    nodes = 7
  }
  expect_failures = [var.nodes]
}
