mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "rayfarm-mock-objects"
  kms_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/data"
}

run "is_closed_encrypted_and_versioned" {
  command = plan

  assert {
    condition = (aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy
    && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets)
    error_message = "The bucket could be made public."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "Objects are not encrypted with the key."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "A deletion could not be undone."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "terraform destroy would delete what is in the bucket."
  }
  assert {
    condition     = one([for statement in data.aws_iam_policy_document.this.statement : statement.effect]) == "Deny"
    error_message = "Plain HTTP is not refused, or somebody is let in."
  }
}

run "parts_of_an_upload_outlive_its_lifetime" {
  command = plan
  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation if rule.id == "abandoned-uploads"]) > 7
    error_message = "S3 would remove parts of uploads that RAYFARM_STORAGE_UPLOAD_LIFETIME still allows."
  }
  assert {
    condition     = length([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "expiry"]) == 0
    error_message = "Objects must not be deleted behind the farm's back."
  }
}

run "logs_are_of_s3s_own_key_and_end" {
  command = plan
  variables {
    kms_key_arn = null
    versioned   = false
    expire_days = 30
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Load balancers write logs to no bucket with a key of KMS."
  }
  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.expiration[0].days if rule.id == "expiry"]) == 30
    error_message = "Logs are kept for ever."
  }
}

run "the_copy_is_of_everything" {
  variables {
    replica = { bucket_arn = "arn:aws:s3:::copies", kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/copies" }
  }
  assert {
    condition     = aws_s3_bucket_replication_configuration.this[0].rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == "arn:aws:kms:eu-west-1:000000000000:key/copies"
    error_message = "Copies have another key than the other region's."
  }
  assert {
    condition     = aws_s3_bucket_replication_configuration.this[0].rule[0].source_selection_criteria[0].sse_kms_encrypted_objects[0].status == "Enabled"
    error_message = "Encrypted objects, which are all, would not be copied."
  }
  assert {
    condition     = !contains(flatten([for statement in data.aws_iam_policy_document.replication.statement : statement.actions]), "s3:DeleteObjectVersion")
    error_message = "The copy could be emptied through its own replication."
  }
}

run "no_copy_of_a_bucket_without_versions" {
  command = plan
  variables {
    versioned = false
    replica   = { bucket_arn = "arn:aws:s3:::copies", kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/copies" }
  }
  expect_failures = [aws_s3_bucket_replication_configuration.this]
}

run "no_dots_in_the_name" {
  command = plan
  variables {
    name = "farm.example.org"
  }
  expect_failures = [var.name]
}

run "no_origin_of_everybody" {
  command = plan
  variables {
    cors_origins = ["https://*"]
  }
  expect_failures = [var.cors_origins]
}

run "no_shorter_upload_than_the_farms" {
  command = plan
  variables {
    abandoned_upload_days = 7
  }
  expect_failures = [var.abandoned_upload_days]
}
