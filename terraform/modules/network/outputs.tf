output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of nodes and pods."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "edge_subnet_ids" {
  description = "Subnets of the load balancer."
  value       = [for zone in var.availability_zones : aws_subnet.edge[zone].id]
}

output "edge_cidr" {
  description = "One network that holds them: who may reach the gateway's port 80."
  value       = cidrsubnet(local.last_eighth, 3, 2)
}

output "control_subnet_ids" {
  description = "Subnets of the Kubernetes API's interfaces."
  value       = [for zone in var.availability_zones : aws_subnet.control[zone].id]
}

output "control_cidr" {
  description = "One network that holds them: kubernetesApiCidr of kuberay/."
  value       = cidrsubnet(local.last_eighth, 3, 6)
}

output "endpoints_cidr" {
  description = "One network that holds AWS services' interfaces: endpointCidrs of kuberay/."
  value       = cidrsubnet(local.last_eighth, 3, 7)
}

output "s3_cidrs" {
  description = "Networks of the region's S3, which the gateway endpoint leads to: storageCidrs of kuberay/."
  value       = aws_vpc_endpoint.s3.cidr_blocks
}

output "data_cidr" {
  description = "One network that holds the database's and the cache's subnets: databaseCidr and redisCidr of kuberay/."
  value       = cidrsubnet(local.last_eighth, 3, 4)
}

output "data_subnet_ids" {
  description = "Subnets of the database and the cache."
  value       = [for zone in var.availability_zones : aws_subnet.data[zone].id]
}

output "nat_gateway_ids" {
  description = "NAT gateways by zone."
  value       = { for zone, gateway in aws_nat_gateway.this : zone => gateway.id }
}
