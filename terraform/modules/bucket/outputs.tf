output "name" {
  description = "Name of the bucket, known once its policy is in place."
  value       = aws_s3_bucket_policy.this.bucket
}

output "arn" {
  description = "The bucket."
  value       = aws_s3_bucket.this.arn
  depends_on  = [aws_s3_bucket_versioning.this]
}

output "domain_name" {
  description = "Its regional name, for CloudFront."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
