mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../mocks"
}

variables {
  name                      = "rayfarm-mock"
  domain_name               = "farm.example.org"
  zone_id                   = "Z0123456789ABC"
  vpc_id                    = "vpc-mock"
  subnet_ids                = ["subnet-a", "subnet-b"]
  cluster_security_group_id = "sg-pods"
  firewall_arn              = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/mock/0"
  log_bucket                = { name = "rayfarm-mock-logs", arn = "arn:aws:s3:::rayfarm-mock-logs" }
}

run "only_cloudfront_reaches_the_load_balancer" {
  assert {
    condition     = aws_lb.this.internal && aws_lb.this.drop_invalid_header_fields
    error_message = "The load balancer has a public address."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.cloudfront[0].prefix_list_id != null && aws_vpc_security_group_ingress_rule.cloudfront[0].cidr_ipv4 == null
    error_message = "Somebody else than CloudFront may connect."
  }
  assert {
    condition     = length(aws_cloudfront_vpc_origin.this) == 1 && aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].origin_protocol_policy == "https-only"
    error_message = "CloudFront does not reach it inside of the VPC with TLS."
  }
  assert {
    condition     = output.settings.RAYFARM_API_PUBLIC_URL == "https://farm.example.org"
    error_message = "The farm would write wrong links."
  }
}

run "answers_are_nobody_elses" {
  command = plan
  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    error_message = "CloudFront would keep one caller's answer for another."
  }
  assert {
    condition     = length(aws_cloudfront_distribution.this.default_cache_behavior[0].allowed_methods) == 7
    error_message = "The API's methods do not pass."
  }
  assert {
    condition     = [for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.path_pattern] == ["/_next/static/*"]
    error_message = "Something is cached beside files whose names change with what is in them."
  }
  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "Old TLS is taken."
  }
  assert {
    condition     = aws_lb.this.idle_timeout > 15
    error_message = "Event streams send a heartbeat every 15 s, and would be cut before it."
  }
}

run "the_log_holds_nothing_that_lets_its_reader_in" {
  command = plan
  assert {
    condition     = length(aws_cloudwatch_log_delivery.cloudfront.record_fields) > 20 && length(setintersection(aws_cloudwatch_log_delivery.cloudfront.record_fields, ["cs(Cookie)", "cs-uri-query", "cs(Referer)"])) == 0
    error_message = "Signed links and sessions would be in the access log."
  }
  assert {
    condition     = alltrue([for field in ["date", "c-ip", "cs-method", "cs-uri-stem", "sc-status"] : contains(aws_cloudwatch_log_delivery.cloudfront.record_fields, field)])
    error_message = "The log does not tell who asked for what."
  }
}

run "a_url_is_no_name" {
  command = plan
  variables {
    domain_name = "https://farm.example.org"
  }
  expect_failures = [var.domain_name]
}

run "a_price_class_that_is_none" {
  command = plan
  variables {
    price_class = "cheap"
  }
  expect_failures = [var.price_class]
}
