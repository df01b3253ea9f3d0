output "rayfarm_settings" {
  description = "Settings of all pods without secrets, by the names of docs/configuration.md: settings.env of the overlay in kuberay/."
  value = merge(
    {
      RAYFARM_PROFILE             = "production"
      RAYFARM_STORAGE_URL         = "s3://${module.objects.name}/${local.prefix}"
      RAYFARM_STORAGE_REGION      = var.region
      RAYFARM_API_TRUSTED_PROXIES = jsonencode([var.vpc_cidr]) # CloudFront's way in, the load balancer, the gateway's pods
    },
    module.edge.settings,
    module.observability.settings,
  )
}

output "rayfarm_loops" {
  description = "Settings of the control pods alone: loops.env of the overlay. The queues' only with var.intake, as a dispatcher that knows a queue and has no key does not start."
  value       = var.intake ? merge({ RAYFARM_INTAKE_REGION = var.region }, module.queue.settings) : {}
}

output "rayfarm_secrets" {
  description = "Where each secret setting is: name in Secrets Manager and field."
  value = merge(
    {
      RAYFARM_DATABASE_URL  = { secret = module.secrets.names["database"], field = "url" }
      RAYFARM_API_TOKEN_KEY = { secret = module.secrets.names["keys"], field = "api_token_key" }
      RAYFARM_WEBHOOK_KEY   = { secret = module.secrets.names["keys"], field = "webhook_key" }

      RAYFARM_API_PREVIOUS_TOKEN_KEYS = { secret = module.secrets.names["keys"], field = "api_previous_token_keys" }
      RAYFARM_WEBHOOK_PREVIOUS_KEYS   = { secret = module.secrets.names["keys"], field = "webhook_previous_keys" }
    },
    var.intake ? {
      RAYFARM_INTAKE_API_KEY = { secret = module.secrets.names["loops"], field = "RAYFARM_INTAKE_API_KEY" }
    } : {},
  )
}

output "queue" {
  description = "What a sender of another account names in its own IAM policy: the queue and its key."
  value       = { arn = module.queue.jobs.arn, key_arn = module.data_key.arn }
}

output "kuberay_site" {
  description = "What goes into site.yaml of the overlay in kuberay/."
  value = {
    host                  = var.domain_name
    kubernetesApiCidr     = module.network.control_cidr
    kubernetesServiceCidr = module.eks.service_cidr
    databaseCidr          = module.network.data_cidr
    redisCidr             = module.network.data_cidr
    redisAddress          = try(module.cache["this"].redis_address, null)
    secretPrefix          = local.name
    # Never empty: in Kubernetes a rule `to: []` is every address there is. Nobody is at 127.0.0.1/32 of a pod.
    endpointCidrs = [for cidr in length(var.interface_endpoints) > 0 ? [module.network.endpoints_cidr] : ["127.0.0.1/32"] : { ipBlock = { cidr = cidr } }]
    storageCidrs  = [for cidr in length(module.network.s3_cidrs) > 0 ? module.network.s3_cidrs : ["127.0.0.1/32"] : { ipBlock = { cidr = cidr } }]
  }
}

output "database_url_template" {
  description = "RAYFARM_DATABASE_URL but for the password."
  value       = module.database.url_template
}

output "database_master_secret_arn" {
  description = "For making the role rayfarm, once."
  value       = module.database.master_secret_arn
}

output "cluster" {
  description = "Name and address of the cluster: aws eks update-kubeconfig --name NAME."
  value       = { name = module.eks.name, endpoint = module.eks.endpoint, region = var.region }
}

output "vpc_id" {
  description = "For the load balancer controller, which cannot ask its node."
  value       = module.network.vpc_id
}

output "images" {
  description = "Repositories to push the images to."
  value       = module.registry.urls
}

output "edge_cidr" {
  description = "Network of the load balancer, for the NetworkPolicy before the gateway."
  value       = module.network.edge_cidr
}

output "target_group_arn" {
  description = "For the TargetGroupBinding."
  value       = module.edge.target_group_arn
}

output "service_accounts" {
  description = "Which service account has which role."
  value       = { for name, role in merge(local.roles, local.metrics_role) : name => "${role.namespace}/${role.service_account}" }
}

output "prometheus" {
  description = "Where Prometheus writes to (remote_write); null: no workspace."
  value       = module.observability.prometheus
}

output "runbooks" {
  description = "Headings of docs/operations/runbooks/AwsAlarms.md that alarms link to."
  value       = module.observability.runbooks
}
