locals {
  # Policies that AWS keeps for everybody, the same in all accounts.
  caching_disabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  all_viewer        = "216adef6-5c7f-47e4-b989-5492eafa07d3"
  security_headers  = "67f7725c-6f97-4210-82d7-5512b31e9d03"
  origin            = "farm"
}

resource "aws_cloudfront_vpc_origin" "this" {
  count = var.emulated ? 0 : 1
  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"
    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86: Access logs are delivered by logging v2 (aws_cloudwatch_log_delivery), which needs no ACLs on the bucket
  #checkov:skip=CKV_AWS_305: The API serves / itself
  #checkov:skip=CKV_AWS_310: One origin; its zones take over from one another behind the load balancer
  #checkov:skip=CKV_AWS_374: Artists work from anywhere
  #checkov:skip=CKV2_AWS_32: Both behaviors have local.security_headers, AWS's managed policy, which the check does not resolve
  #checkov:skip=CKV2_AWS_47: The rules AWSManagedRulesKnownBadInputsRuleSet (Log4j) are in modules/firewall, where the check does not look
  enabled         = true
  comment         = var.name
  aliases         = [var.domain_name]
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class
  web_acl_id      = var.firewall_arn

  origin {
    origin_id   = local.origin
    domain_name = aws_lb.this.dns_name

    dynamic "vpc_origin_config" {
      for_each = aws_cloudfront_vpc_origin.this[*].id
      content {
        vpc_origin_id            = vpc_origin_config.value
        origin_read_timeout      = 60
        origin_keepalive_timeout = 60
      }
    }

    dynamic "custom_origin_config" {
      for_each = var.emulated ? [true] : []
      content {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_ssl_protocols   = ["TLSv1.2"]
      }
    }
  }

  # Answers of the API are each caller's own. Nothing is compressed here either, so that event streams flow.
  default_cache_behavior {
    target_origin_id           = local.origin
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = local.caching_disabled
    origin_request_policy_id   = local.all_viewer
    response_headers_policy_id = local.security_headers
  }

  # Files of the web app whose names change with what is in them.
  ordered_cache_behavior {
    path_pattern               = "/_next/static/*"
    target_origin_id           = local.origin
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    origin_request_policy_id   = local.all_viewer
    response_headers_policy_id = local.security_headers
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.cloudfront.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_route53_record" "farm" {
  for_each = toset(["A", "AAAA"])
  zone_id  = var.zone_id
  name     = var.domain_name
  type     = each.key

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_cloudwatch_log_delivery_source" "cloudfront" {
  provider     = aws.us_east_1
  name         = var.name
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "cloudfront" {
  provider      = aws.us_east_1
  name          = var.name
  output_format = "json"
  delivery_destination_configuration {
    destination_resource_arn = "${var.log_bucket.arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "cloudfront" {
  provider                 = aws.us_east_1
  delivery_source_name     = aws_cloudwatch_log_delivery_source.cloudfront.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.cloudfront.arn
  # No cookies, no queries and no pages before: sessions and signed links are good for whoever reads them.
  record_fields = [
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken",
    "x-forwarded-for", "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "c-port",
    "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
  ]
}
