mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name               = "rayfarm-mock"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  bucket_names       = ["rayfarm-mock-objects"]
  logs_key_arn       = "arn:aws:kms:eu-central-1:000000000000:key/logs"
}

run "every_zone_has_its_own_way_out" {
  variables {
    interface_endpoints = ["sqs"]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 3
    error_message = "A zone that fails must not take the others' way out with it."
  }
  assert {
    condition     = toset(aws_vpc_endpoint.s3.route_table_ids) == toset([for table in aws_route_table.private : table.id])
    error_message = "Pixels of some zone would go through NAT."
  }
  assert {
    condition = alltrue(concat(
      [for table in values(aws_route_table_association.data) : table.route_table_id == aws_route_table.local.id],
      [for table in values(aws_route_table_association.edge) : table.route_table_id == aws_route_table.local.id],
    ))
    error_message = "The database's and the load balancer's subnets have a route beside the local one."
  }
  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.endpoints) : rule.from_port == 443 && rule.cidr_ipv4 != "0.0.0.0/0"])
    error_message = "Endpoints take HTTPS of nodes and pods alone."
  }
}

run "no_two_subnets_overlap" {
  command = plan

  assert {
    condition = length(distinct(concat(
      [for subnet in values(aws_subnet.public) : subnet.cidr_block], [for subnet in values(aws_subnet.edge) : subnet.cidr_block],
      [for subnet in values(aws_subnet.private) : subnet.cidr_block], [for subnet in values(aws_subnet.data) : subnet.cidr_block],
      [for subnet in values(aws_subnet.control) : subnet.cidr_block], [for subnet in values(aws_subnet.endpoints) : subnet.cidr_block],
    ))) == 18
    error_message = "Two subnets have the same addresses."
  }
  assert {
    condition     = [for zone in var.availability_zones : aws_subnet.private[zone].cidr_block] == ["10.40.0.0/19", "10.40.32.0/19", "10.40.64.0/19"]
    error_message = "Pods have less than 8,000 addresses in a zone."
  }
  assert {
    condition     = output.data_cidr == "10.40.240.0/22" && [for zone in var.availability_zones : aws_subnet.data[zone].cidr_block] == ["10.40.240.0/24", "10.40.241.0/24", "10.40.242.0/24"]
    error_message = "data_cidr does not hold the data subnets, so NetworkPolicies would cut the farm off its database."
  }
  assert {
    condition     = output.control_cidr == "10.40.248.0/22" && aws_subnet.control["eu-central-1c"].cidr_block == "10.40.250.0/24"
    error_message = "control_cidr does not hold the subnets of the Kubernetes API."
  }
  assert {
    condition     = output.endpoints_cidr == "10.40.252.0/22" && aws_subnet.endpoints["eu-central-1c"].cidr_block == "10.40.254.0/24"
    error_message = "endpoints_cidr does not hold the interfaces of AWS services."
  }
  assert {
    condition     = alltrue([for subnet in values(aws_subnet.public) : subnet.map_public_ip_on_launch != true])
    error_message = "A machine in a public subnet would get a public address."
  }
}

run "s3_is_reached_for_named_buckets_and_images_alone" {
  command = plan
  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.s3.statement : statement.resources])) == toset([
      "arn:aws:s3:::rayfarm-mock-objects", "arn:aws:s3:::rayfarm-mock-objects/*", "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*",
    ])
    error_message = "Scenes could be carried into anybody's bucket, or nodes get no images."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.policy == data.aws_iam_policy_document.s3.json
    error_message = "The endpoint has AWS's own policy, which allows everything."
  }
}

run "buckets_of_everybody_are_refused" {
  command = plan
  variables {
    bucket_names = ["*"]
  }
  expect_failures = [var.bucket_names]
}

run "one_way_out_where_money_counts" {
  command = plan
  variables {
    nat_per_zone = false
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3
    error_message = "One gateway, and a route to it from each zone."
  }
}

run "a_small_network_is_refused" {
  command = plan
  variables {
    vpc_cidr = "10.0.0.0/24"
  }
  expect_failures = [var.vpc_cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    availability_zones = ["eu-central-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "a_retention_that_cloudwatch_lacks_is_refused" {
  command = plan
  variables {
    flow_log_retention_days = 45
  }
  expect_failures = [var.flow_log_retention_days]
}

run "another_account_cannot_make_the_service_take_the_role" {
  command = plan
  assert {
    condition     = one(one(data.aws_iam_policy_document.flow_assume.statement).condition).variable == "aws:SourceAccount"
    error_message = "The service would act for whoever names this role."
  }
}
