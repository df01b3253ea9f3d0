# What the mocked AWS answers: identifiers in the right form, as random words do not pass for ARNs.
mock_data "aws_caller_identity" {
  defaults = {
    account_id = "000000000000"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_data "aws_region" {
  defaults = {
    name = "eu-central-1"
  }
}

mock_data "aws_availability_zones" {
  defaults = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

mock_data "aws_ec2_instance_type" {
  defaults = {
    total_instance_storage = 450
  }
}

mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{\"Version\": \"2012-10-17\", \"Statement\": []}"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::000000000000:role/mock"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn = "arn:aws:kms:eu-central-1:000000000000:key/mock"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::mock"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:000000000000:mock"
    url = "https://sqs.eu-central-1.amazonaws.com/000000000000/mock"
    id  = "https://sqs.eu-central-1.amazonaws.com/000000000000/mock"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-central-1:000000000000:mock"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:000000000000:log-group:mock"
  }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn        = "arn:aws:eks:eu-central-1:000000000000:cluster/mock"
    vpc_config = { cluster_security_group_id = "sg-mock" }
  }
}

mock_resource "aws_eks_node_group" {
  defaults = {
    resources = [{ autoscaling_groups = [{ name = "mock" }], remote_access_security_group_id = "" }]
  }
}

mock_resource "aws_launch_template" {
  defaults = {
    id             = "lt-0123456789abcdef0"
    latest_version = 1
  }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/mock/0"
    arn_suffix = "app/mock/0"
    dns_name   = "internal-mock.example.org"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:targetgroup/mock/0"
    arn_suffix = "targetgroup/mock/0"
  }
}

mock_resource "aws_lb_listener" {
  defaults = {
    arn = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/mock/0/0"
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:us-east-1:000000000000:certificate/mock"
    domain_validation_options = [{
      domain_name           = "farm.example.org"
      resource_record_name  = "_proof.farm.example.org"
      resource_record_type  = "CNAME"
      resource_record_value = "_proof.acm.example.org"
    }]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = {
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/mock"
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = {
    arn = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/mock/0"
  }
}

mock_resource "aws_cloudfront_distribution" {
  defaults = {
    arn            = "arn:aws:cloudfront::000000000000:distribution/MOCK"
    domain_name    = "mock.cloudfront.net"
    hosted_zone_id = "Z2FDTNDATAQYW2"
  }
}

mock_resource "aws_cloudwatch_log_delivery_destination" {
  defaults = {
    arn = "arn:aws:logs:us-east-1:000000000000:delivery-destination:mock"
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    arn                = "arn:aws:rds:eu-central-1:000000000000:db:mock"
    address            = "mock.rds.amazonaws.com"
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:mock", kms_key_id = "mock", secret_status = "active" }] # pragma: allowlist secret
  }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    primary_endpoint_address = "mock.cache.amazonaws.com"
  }
}

mock_resource "aws_prometheus_workspace" {
  defaults = {
    arn                 = "arn:aws:aps:eu-central-1:000000000000:workspace/mock"
    prometheus_endpoint = "https://aps.example.org/workspaces/mock/"
  }
}

mock_resource "aws_grafana_workspace" {
  defaults = {
    endpoint = "mock.grafana.example.org"
  }
}

mock_resource "aws_backup_vault" {
  defaults = {
    arn = "arn:aws:backup:eu-central-1:000000000000:backup-vault:mock"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:mock"
  }
}
