terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
      # CloudFront takes certificates and rules of us-east-1 alone.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
