output "settings" {
  description = "Settings of the farm."
  value       = { RAYFARM_API_PUBLIC_URL = "https://${var.domain_name}" }
}

output "target_group_arn" {
  description = "What the TargetGroupBinding names."
  value       = aws_lb_target_group.serve.arn
}

output "load_balancer_dimension" {
  description = "For alarms."
  value       = aws_lb.this.arn_suffix
}

output "target_group_dimension" {
  description = "For alarms."
  value       = aws_lb_target_group.serve.arn_suffix
}

output "distribution_arn" {
  description = "The distribution, as the log bucket's policy names it."
  value       = aws_cloudfront_distribution.this.arn
}
