output "names" {
  description = "Names of the secrets as the ExternalSecrets of kuberay/ read them."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "arns" {
  description = "The secrets."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
