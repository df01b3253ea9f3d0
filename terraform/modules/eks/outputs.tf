output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "The cluster."
  value       = aws_eks_cluster.this.arn
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "service_cidr" {
  description = "Addresses of Services: kubernetesServiceCidr of kuberay/."
  value       = one(aws_eks_cluster.this.kubernetes_network_config).service_ipv4_cidr
}

output "security_group_id" {
  description = "Security group of the nodes and pods."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}
