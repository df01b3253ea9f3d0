# Who may do what in AWS. Each pod of the farm has a service account, each service account one role, each role what its
# code calls and no more; tests/terraform/test_rights.py has the calls.
locals {
  objects_arn = "arn:${local.partition}:s3:::${local.objects_name}"
  folder      = "${local.objects_arn}/${local.prefix}"
  roles = {
    control            = { namespace = var.namespace, service_account = "rayfarm-control", policy = data.aws_iam_policy_document.control.json }
    renderer           = { namespace = var.namespace, service_account = "rayfarm-renderer", policy = data.aws_iam_policy_document.renderer.json }
    external-secrets   = { namespace = "external-secrets", service_account = "external-secrets", policy = data.aws_iam_policy_document.secrets.json }
    cluster-autoscaler = { namespace = "kube-system", service_account = "cluster-autoscaler", policy = data.aws_iam_policy_document.autoscaler.json }
    load-balancer      = { namespace = "kube-system", service_account = "aws-load-balancer-controller", policy = data.aws_iam_policy_document.targets.json }
  }
  metrics_role = var.prometheus ? {
    metrics = merge(var.prometheus_account, { policy = data.aws_iam_policy_document.metrics_writer.json })
  } : {}
}

module "role" {
  source          = "../modules/workload_role"
  for_each        = merge(local.roles, local.metrics_role)
  name            = "${local.name}-${each.key}"
  cluster_name    = module.eks.name
  cluster_arn     = module.eks.arn
  namespace       = each.value.namespace
  service_account = each.value.service_account
  policy_json     = each.value.policy
  emulated        = var.emulated
}

data "aws_iam_policy_document" "storage" {
  # HeadBucket at the start, and sweeping of uploads that never ended; S3 has no finer right for either.
  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.objects_arn]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.data_key.arn]
  }
}

# The API, the dispatcher and its loops: everything that the farm keeps, and the queues.
data "aws_iam_policy_document" "control" {
  source_policy_documents = [data.aws_iam_policy_document.storage.json]

  statement {
    sid     = "Objects"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = [
      "${local.folder}/blobs/*", "${local.folder}/artifacts/*", "${local.folder}/uploads/*",
    ]
  }
  statement {
    sid       = "Intake"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage"]
    resources = [module.queue.jobs.arn, module.queue.refused.arn]
  }
  statement {
    sid       = "Results"
    actions   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = [module.queue.results.arn]
  }
  dynamic "statement" {
    for_each = length(var.source_bucket_names) > 0 ? [var.source_bucket_names] : []
    content {
      sid       = "NewObjects"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = [for name in statement.value : "arn:${local.partition}:s3:::${name}/*"]
    }
  }
}

# Beside scenes of strangers: reads what it renders, writes what it rendered. It cannot change or delete a blob, which
# other projects may share, and knows no queue.
data "aws_iam_policy_document" "renderer" {
  source_policy_documents = [data.aws_iam_policy_document.storage.json]

  statement {
    sid       = "Models"
    actions   = ["s3:GetObject"]
    resources = ["${local.folder}/blobs/*"]
  }
  statement {
    sid       = "Pictures"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${local.folder}/artifacts/*"]
  }
}

# Of the External Secrets Operator itself: its ClusterSecretStore uses what Pod Identity gives its pod.
data "aws_iam_policy_document" "secrets" {
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = values(module.secrets.arns)
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [module.data_key.arn]
  }
}

data "aws_iam_policy_document" "autoscaler" {
  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
      "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
      "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
    ]
    resources = ["*"] # wildcard: AWS takes no resource for these calls, which only look
  }
  statement {
    sid       = "LookAtGroups"
    actions   = ["eks:DescribeNodegroup"]
    resources = ["arn:${local.partition}:eks:${var.region}:${local.account}:nodegroup/${local.name}/*"]
  }
  statement {
    sid       = "Scale"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*"] # wildcard: their ids are not known before; the tag bounds it
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/k8s.io/cluster-autoscaler/${local.name}"
      values   = ["owned"]
    }
  }
}

# Of the AWS Load Balancer Controller, what a TargetGroupBinding to one target group needs. It makes no load balancer.
data "aws_iam_policy_document" "targets" {
  statement {
    sid = "Look"
    actions = [
      "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
      "elasticloadbalancing:DescribeTargetGroupAttributes", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
      "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeAvailabilityZones",
    ]
    resources = ["*"] # wildcard: AWS takes no resource for these calls, which only look
  }
  statement {
    sid       = "Register"
    actions   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
    resources = [module.edge.target_group_arn]
  }
}

# Of Prometheus itself, which sends what it has scraped (remote_write).
data "aws_iam_policy_document" "metrics_writer" {
  statement {
    sid       = "Write"
    actions   = ["aps:RemoteWrite"]
    resources = module.observability.prometheus[*].arn
  }
}
