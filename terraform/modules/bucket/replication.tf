# A copy of every object in another region, for the day on which this one is away or somebody deletes the bucket.
# No aws:SourceAccount here: nobody has tried it for this role, and where S3 did not send it, nothing would be copied. Who
# is no principal of this account cannot pass the role to S3.
data "aws_iam_policy_document" "replication_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "replication" {
  statement {
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [aws_s3_bucket.this.arn]
  }
  statement {
    actions   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    resources = ["${aws_s3_bucket.this.arn}/*"]
  }
  dynamic "statement" {
    for_each = var.replica[*]
    content {
      actions   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
      resources = ["${statement.value.bucket_arn}/*"]
    }
  }
  dynamic "statement" {
    for_each = var.kms_key_arn[*]
    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
  dynamic "statement" {
    for_each = var.replica[*]
    content {
      actions   = ["kms:Encrypt", "kms:GenerateDataKey"]
      resources = [statement.value.kms_key_arn]
    }
  }
}

resource "aws_iam_role" "replication" {
  count              = var.replica == null ? 0 : 1
  name_prefix        = "rayfarm-replication-"
  assume_role_policy = data.aws_iam_policy_document.replication_assume.json
}

resource "aws_iam_role_policy" "replication" {
  count  = var.replica == null ? 0 : 1
  name   = "replicate"
  role   = aws_iam_role.replication[0].id
  policy = data.aws_iam_policy_document.replication.json
}

resource "aws_s3_bucket_replication_configuration" "this" {
  count      = var.replica == null ? 0 : 1
  bucket     = aws_s3_bucket.this.id
  role       = aws_iam_role.replication[0].arn
  depends_on = [aws_s3_bucket_versioning.this, aws_iam_role_policy.replication]

  rule {
    id     = "all"
    status = "Enabled"
    filter {}
    # The farm's retention would otherwise never reach the copy. Deletions of versions are never copied: whoever empties
    # this bucket leaves the copy's versions in place, for its noncurrent_days.
    delete_marker_replication {
      status = "Enabled"
    }
    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }
    destination {
      bucket        = var.replica.bucket_arn
      storage_class = "STANDARD_IA"
      encryption_configuration {
        replica_kms_key_id = var.replica.kms_key_arn
      }
      # Time control: 99.99 % of objects within 15 minutes, and a metric that the alarm reads.
      metrics {
        status = "Enabled"
        event_threshold {
          minutes = 15
        }
      }
      replication_time {
        status = "Enabled"
        time {
          minutes = 15
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.versioned
      error_message = "replica: S3 replicates between versioned buckets alone; set versioned."
    }
  }
}
