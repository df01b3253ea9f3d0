# Run by tests/terraform/test_farm.py, without the values of secrets: Terraform 1.11 mocks no ephemeral resources.
mock_provider "aws" {
  source = "../mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../mocks"
}

variables {
  domain_name = "farm.example.org"
  zone_id     = "Z0123456789ABC"
}

run "a_farm_that_has_no_key_for_its_queue_yet_starts" {
  command = plan
  assert {
    condition     = !anytrue([for name in keys(output.rayfarm_settings) : can(regex("^RAYFARM_(INTAKE|MAIL|STRIPE)_", name))])
    error_message = "Pods that are not of the loops would know the queue, and kuberay/ keeps these to loops.env."
  }
  assert {
    condition     = length(output.rayfarm_loops) == 0 && !contains(keys(output.rayfarm_secrets), "RAYFARM_INTAKE_API_KEY")
    error_message = "The dispatcher refuses to start with a queue and no key."
  }
}

run "the_queue_comes_with_its_key" {
  command = plan
  variables {
    intake = true
  }
  assert {
    condition     = output.rayfarm_secrets["RAYFARM_INTAKE_API_KEY"] == { secret = "rayfarm-prod/loops", field = "RAYFARM_INTAKE_API_KEY" }
    error_message = "The ExternalSecret rayfarm-loops of kuberay/ reads another secret."
  }
  assert {
    condition     = alltrue([for name in ["QUEUE_URL", "DEAD_LETTER_URL", "REGION"] : contains(keys(output.rayfarm_loops), "RAYFARM_INTAKE_${name}")])
    error_message = "The farm would not find its queue."
  }
}

run "networks_of_a_farm_without_private_endpoints_are_not_the_whole_world" {
  command = plan
  variables {
    interface_endpoints = []
  }
  assert {
    condition     = [for peer in output.kuberay_site.endpointCidrs : peer.ipBlock.cidr] == ["127.0.0.1/32"]
    error_message = "Kubernetes takes an empty list of peers for everything: control pods would reach all private networks."
  }
}

run "prometheus_and_nobody_else_writes_metrics" {
  command = plan
  assert {
    condition     = var.prometheus && output.service_accounts["metrics"] == "monitoring/kube-prometheus-stack-prometheus"
    error_message = "Who sends metrics to the workspace has no right to."
  }
}

run "the_load_balancers_network_is_told" {
  command = plan
  assert {
    condition     = output.edge_cidr == "10.40.232.0/22"
    error_message = "The NetworkPolicy before the gateway would let in others than the load balancer."
  }
}
