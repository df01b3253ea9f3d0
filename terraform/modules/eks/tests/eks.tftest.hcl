mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name               = "rayfarm-mock"
  subnet_ids         = ["subnet-a", "subnet-b"]
  control_subnet_ids = ["subnet-c", "subnet-d"]
  secrets_key_arn    = "arn:aws:kms:eu-central-1:000000000000:key/data" # pragma: allowlist secret
  logs_key_arn       = "arn:aws:kms:eu-central-1:000000000000:key/logs"
  node_groups = {
    control  = { pool = "control", instance_types = ["m7i.xlarge"], min_size = 2, max_size = 4 }
    gpu-spot = { pool = "gpu-spot", instance_types = ["g6.xlarge", "g5.xlarge"], capacity_type = "SPOT", gpu = true, local_nvme = true, max_size = 8 }
  }
}

run "the_cluster_is_closed_and_recorded" {
  variables {
    admin_principal_arns = ["arn:aws:iam::000000000000:role/Operators"]
  }
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The Kubernetes API has a public address that nobody asked for."
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && tolist(aws_eks_cluster.this.encryption_config[0].resources) == tolist(["secrets"])
    error_message = "Audit logs or the encryption of secrets are off."
  }
  assert {
    condition     = !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions && aws_eks_cluster.this.access_config[0].authentication_mode == "API"
    error_message = "Whoever applies would stay administrator of the cluster."
  }
  assert {
    condition     = keys(aws_eks_access_policy_association.admin) == ["arn:aws:iam::000000000000:role/Operators"]
    error_message = "The named role is no administrator, or somebody else is."
  }
  assert {
    condition     = jsondecode(aws_eks_addon.first["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies would be written and not enforced."
  }
  assert {
    condition     = jsondecode(aws_eks_addon.later["aws-ebs-csi-driver"].configuration_values).defaultStorageClass.enabled
    error_message = "Claims that name no storage class would wait for ever."
  }
  assert {
    condition     = output.service_cidr == "172.20.0.0/16"
    error_message = "NetworkPolicies would not know the network of Services."
  }
  assert {
    condition     = contains(keys(aws_eks_addon.first), "eks-pod-identity-agent")
    error_message = "Pods would get no roles."
  }
}

run "nodes_with_cards_start_at_zero_and_are_renderers_alone" {
  command = plan
  assert {
    condition     = aws_eks_node_group.this["gpu-spot"].scaling_config[0].min_size == 0 && aws_eks_node_group.this["gpu-spot"].scaling_config[0].desired_size == 0
    error_message = "An idle farm would pay for cards."
  }
  assert {
    condition     = one(aws_eks_node_group.this["gpu-spot"].taint).key == "nvidia.com/gpu" && length(aws_eks_node_group.this["control"].taint) == 0
    error_message = "The taint is on the wrong nodes."
  }
  assert {
    condition     = aws_eks_node_group.this["gpu-spot"].ami_type == "AL2023_x86_64_NVIDIA" && aws_eks_node_group.this["control"].ami_type == "AL2023_x86_64_STANDARD"
    error_message = "Nodes with cards need the image with drivers."
  }
  assert {
    condition     = aws_eks_node_group.this["gpu-spot"].labels["rayfarm.io/pool"] == "gpu-spot" && aws_eks_node_group.this["gpu-spot"].labels["rayfarm.io/capacity"] == "spot"
    error_message = "The manifests in kuberay/ choose nodes by these labels."
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.node["gpu-spot"].user_data), "strategy: RAID0") && aws_launch_template.node["control"].user_data == null
    error_message = "The disks of the instance are not used where they should be."
  }
}

run "the_autoscaler_knows_the_disk_of_a_node_that_is_not_there_yet" {
  assert {
    condition = { for name, tag in aws_autoscaling_group_tag.ephemeral_storage : name => one(tag.tag).value } == {
      control = "85Gi", gpu-spot = "356Gi"
    }
    error_message = "Pods that request ephemeral storage would start no node of an empty group."
  }
  assert {
    condition     = alltrue([for tag in values(aws_autoscaling_group_tag.ephemeral_storage) : one(tag.tag).key == "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage"])
    error_message = "The autoscaler reads another tag."
  }
}

run "nvme_of_machines_without_it_is_refused" {
  command = plan
  override_data {
    target = data.aws_ec2_instance_type.with_nvme
    values = { total_instance_storage = 0 }
  }
  expect_failures = [aws_autoscaling_group_tag.ephemeral_storage]
}

run "no_pod_becomes_its_node" {
  command = plan
  assert {
    condition     = alltrue([for template in values(aws_launch_template.node) : template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "A pod could ask for the node's credentials."
  }
  assert {
    condition     = alltrue([for template in values(aws_launch_template.node) : template.block_device_mappings[0].ebs[0].encrypted == "true"])
    error_message = "Disks of nodes are not encrypted."
  }
}

run "the_api_is_not_open_to_the_world" {
  command = plan
  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "somebody_must_run_the_head" {
  command = plan
  variables {
    node_groups = {
      gpu = { pool = "gpu-on-demand", instance_types = ["g6.xlarge"], gpu = true, min_size = 1, max_size = 2 }
    }
  }
  expect_failures = [var.node_groups]
}

run "spot_of_one_type_is_refused" {
  command = plan
  variables {
    node_groups = {
      control = { pool = "control", instance_types = ["m7i.xlarge"], min_size = 1, max_size = 2 }
      spot    = { pool = "gpu-spot", instance_types = ["g6.xlarge"], capacity_type = "SPOT", gpu = true, max_size = 2 }
    }
  }
  expect_failures = [var.node_groups]
}

run "people_are_no_administrators_by_a_user" {
  command = plan
  variables {
    admin_principal_arns = ["arn:aws:iam::000000000000:user/somebody"]
  }
  expect_failures = [var.admin_principal_arns]
}

run "an_old_kubernetes_is_refused" {
  command = plan
  variables {
    kubernetes_version = "1.27"
  }
  expect_failures = [var.kubernetes_version]
}
