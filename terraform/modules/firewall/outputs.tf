output "arn" {
  description = "Web ACL for CloudFront."
  value       = aws_wafv2_web_acl.this.arn
}
