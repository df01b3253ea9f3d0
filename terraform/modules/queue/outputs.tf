output "jobs" {
  description = "Queue whose messages become jobs: RAYFARM_INTAKE_QUEUE_URL."
  value       = { url = aws_sqs_queue.jobs.url, arn = aws_sqs_queue.jobs.arn, name = aws_sqs_queue.jobs.name }
}

output "refused" {
  description = "Queue of those that cannot: RAYFARM_INTAKE_DEAD_LETTER_URL."
  value       = { url = aws_sqs_queue.refused.url, arn = aws_sqs_queue.refused.arn, name = aws_sqs_queue.refused.name }
}

output "results" {
  description = "Queue of the ends of jobs, one of RAYFARM_INTAKE_PUBLISH."
  value       = { url = aws_sqs_queue.results.url, arn = aws_sqs_queue.results.arn, name = aws_sqs_queue.results.name }
}

output "settings" {
  description = "Settings of the loops, which need RAYFARM_INTAKE_API_KEY with them."
  value = {
    RAYFARM_INTAKE_QUEUE_URL       = aws_sqs_queue.jobs.url
    RAYFARM_INTAKE_DEAD_LETTER_URL = aws_sqs_queue.refused.url
    RAYFARM_INTAKE_PUBLISH         = jsonencode([aws_sqs_queue.results.arn])
    RAYFARM_INTAKE_MAX_RECEIVES    = tostring(var.max_receives)
    RAYFARM_INTAKE_VISIBILITY      = "PT${var.visibility_seconds}S"
  }
}
