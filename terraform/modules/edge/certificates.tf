# Two certificates of one name: CloudFront takes one of us-east-1, the load balancer one of its own region.
resource "aws_acm_certificate" "cloudfront" {
  provider          = aws.us_east_1
  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "load_balancer" {
  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# In one account both ask for the same record, hence allow_overwrite.
resource "aws_route53_record" "cloudfront_proof" {
  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.cloudfront.domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.cloudfront.domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.cloudfront.domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_route53_record" "load_balancer_proof" {
  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.load_balancer.domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.load_balancer.domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.load_balancer.domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "cloudfront" {
  provider                = aws.us_east_1
  certificate_arn         = aws_acm_certificate.cloudfront.arn
  validation_record_fqdns = [aws_route53_record.cloudfront_proof.fqdn]
}

resource "aws_acm_certificate_validation" "load_balancer" {
  certificate_arn         = aws_acm_certificate.load_balancer.arn
  validation_record_fqdns = [aws_route53_record.load_balancer_proof.fqdn]
}
