output "vault_name" {
  description = "Where backups lie, and the dimension of the alarm."
  value       = aws_backup_vault.this.name
}

output "role_arn" {
  description = "Role of backups and restores."
  value       = aws_iam_role.this.arn
}
