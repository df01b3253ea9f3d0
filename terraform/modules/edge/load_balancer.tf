# An internal load balancer: only CloudFront reaches it, through its own interfaces in these subnets.
data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = var.emulated ? 0 : 1
  name  = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-edge"
  description = "HTTPS from CloudFront to the farm"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  count             = var.emulated ? 0 : 1
  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTPS from CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront[0].id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "pods" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Gateway before Ray Serve"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.gateway_port
  to_port                      = var.gateway_port
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  #checkov:skip=CKV_AWS_260: From the security group of the load balancer alone, not from an address
  security_group_id            = var.cluster_security_group_id
  description                  = "Gateway before Ray Serve from the load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.gateway_port
  to_port                      = var.gateway_port
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150: Deletion protection is var.protected, on by default; dev and test are made to be destroyed
  #checkov:skip=CKV2_AWS_28: The firewall stands before CloudFront, and nothing else reaches this internal load balancer
  name                       = var.name
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  # Event streams send a heartbeat every 15 s (RAYFARM_API_HEARTBEAT).
  idle_timeout = 120

  access_logs {
    enabled = true
    bucket  = var.log_bucket.name
    prefix  = "load-balancer"
  }
}

# Pods come and go by a TargetGroupBinding: the AWS Load Balancer Controller registers them here.
resource "aws_lb_target_group" "serve" {
  #checkov:skip=CKV_AWS_378: The gateway before Ray Serve speaks plain HTTP; between load balancer and pod it stays inside of the VPC, and security groups let nobody else in
  name                 = var.name
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.gateway_port
  deregistration_delay = 60

  health_check {
    path                = "/-/healthz"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
    matcher             = "200"
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.load_balancer.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.serve.arn
  }
}
