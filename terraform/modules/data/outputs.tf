output "identifier" {
  description = "Name of the instance, for alarms."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "The instance, for backups."
  value       = aws_db_instance.this.arn
}

output "address" {
  description = "Host of RAYFARM_DATABASE_URL."
  value       = aws_db_instance.this.address
}

output "url_template" {
  description = "RAYFARM_DATABASE_URL but for the password, which no state holds."
  value       = "postgresql://rayfarm:<password>@${aws_db_instance.this.address}:5432/rayfarm?sslmode=verify-full&sslrootcert=/etc/rayfarm/rds/global-bundle.pem"
}

output "master_secret_arn" {
  description = "Secret with the master's password, which RDS changes; for making the farm's role alone."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, null)
}
