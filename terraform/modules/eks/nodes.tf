data "aws_iam_policy_document" "node_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = data.aws_iam_policy_document.node_assume.json
}

# What a kubelet and the network's plug-in need, and no more: pods have roles of their own, and cannot reach this one (see
# http_put_response_hop_limit below).
resource "aws_iam_role_policy_attachment" "node" {
  for_each   = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"])
  role       = aws_iam_role.node.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}

locals {
  # EKS puts its own part of the node's configuration beside this one.
  local_nvme = <<-EOT
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="rayfarm"

    --rayfarm
    Content-Type: application/node.eks.aws

    apiVersion: node.eks.aws/v1alpha1
    kind: NodeConfig
    spec:
      instance:
        localStorage:
          strategy: RAID0

    --rayfarm--
  EOT
}

resource "aws_launch_template" "node" {
  for_each               = var.node_groups
  name                   = "${var.name}-${each.key}"
  update_default_version = true
  user_data              = each.value.local_nvme ? base64encode(local.local_nvme) : null

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # One hop: the node itself. A scene that broke out of its sandbox must not become the node.
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = each.value.disk_gib
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-${each.key}" }
  }
}

resource "aws_eks_node_group" "this" {
  for_each        = var.node_groups
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnet_ids
  ami_type        = each.value.gpu ? "AL2023_x86_64_NVIDIA" : "AL2023_x86_64_STANDARD"
  capacity_type   = each.value.capacity_type
  instance_types  = each.value.instance_types

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = aws_launch_template.node[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min_size
    desired_size = each.value.min_size
    max_size     = each.value.max_size
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  # The cluster autoscaler reads labels and taints of an empty group from EKS, so groups may start at zero.
  labels = merge(
    { "rayfarm.io/pool" = each.value.pool, "rayfarm.io/capacity" = lower(replace(each.value.capacity_type, "_", "-")) },
    each.value.gpu ? { "nvidia.com/gpu.present" = "true" } : {},
  )

  # Nothing but renderers may hold a node with a card, or it never becomes empty.
  dynamic "taint" {
    for_each = each.value.gpu ? ["nvidia.com/gpu"] : []
    content {
      key    = taint.value
      value  = "present"
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    # The autoscaler's, from the first node on.
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.first]
}

# Says which groups the autoscaler may change; its role's rights are bound to the same tag.
resource "aws_autoscaling_group_tag" "autoscaled" {
  for_each               = var.emulated ? {} : var.node_groups
  autoscaling_group_name = aws_eks_node_group.this[each.key].resources[0].autoscaling_groups[0].name
  tag {
    key                 = "k8s.io/cluster-autoscaler/${var.name}"
    value               = "owned"
    propagate_at_launch = true
  }
}

data "aws_ec2_instance_type" "with_nvme" {
  for_each      = toset(flatten([for group in values(var.node_groups) : group.instance_types if group.local_nvme]))
  instance_type = each.key
}

locals {
  # GiB of the disk that pods' files are on; of several types the smallest. AWS tells NVMe in GB.
  node_disk_gib = {
    for name, group in var.node_groups : name => group.local_nvme ? min([
      for type in group.instance_types : data.aws_ec2_instance_type.with_nvme[type].total_instance_storage * 0.931
    ]...) : group.disk_gib
  }
}

# Of an empty group the autoscaler knows the disk by this alone: without it no pod that requests some would ever get a node.
# A kubelet gives out less than the disk has (10 % are its threshold of eviction, the rest images and the system).
resource "aws_autoscaling_group_tag" "ephemeral_storage" {
  for_each               = var.emulated ? {} : var.node_groups
  autoscaling_group_name = aws_eks_node_group.this[each.key].resources[0].autoscaling_groups[0].name
  tag {
    key                 = "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage"
    value               = "${floor(local.node_disk_gib[each.key] * 0.85)}Gi"
    propagate_at_launch = false
  }

  lifecycle {
    precondition {
      condition     = local.node_disk_gib[each.key] > 0
      error_message = "node_groups: ${each.key} has local_nvme, and one of its instance_types has no disk of its own; take types such as g6.2xlarge or m6id.4xlarge."
    }
  }
}
