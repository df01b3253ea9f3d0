"""Intake from SQS: messages and new objects of S3 become jobs, once each, and their results go back."""
