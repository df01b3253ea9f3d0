mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                      = "rayfarm-mock"
  vpc_id                    = "vpc-mock"
  subnet_ids                = ["subnet-a", "subnet-b"]
  client_security_group_ids = { pods = "sg-pods" }
  kms_key_arn               = "arn:aws:kms:eu-central-1:000000000000:key/data"
  logs_key_arn              = "arn:aws:kms:eu-central-1:000000000000:key/logs"
}

run "survives_a_zone_a_mistake_and_a_thief" {
  command = plan
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "The defaults must keep the database."
  }
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 14 && !aws_db_instance.this.delete_automated_backups
    error_message = "Point-in-time recovery is off, or ends with the instance."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The disk is in the clear, or the server has a public address."
  }
}

run "no_password_is_in_the_state" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS keeps the master's password; the state must not."
  }
  assert {
    condition     = output.url_template == "postgresql://rayfarm:<password>@mock.rds.amazonaws.com:5432/rayfarm?sslmode=verify-full&sslrootcert=/etc/rayfarm/rds/global-bundle.pem"
    error_message = "The template of the address holds a password."
  }
}

run "only_pods_connect_and_only_with_tls" {
  command = plan
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.clients) == ["pods"] && aws_vpc_security_group_ingress_rule.clients["pods"].cidr_ipv4 == null
    error_message = "Somebody else than the pods may connect."
  }
  assert {
    condition     = one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"]) == "1"
    error_message = "The server takes connections in the clear."
  }
}

run "recovery_cannot_be_switched_off" {
  command = plan
  variables {
    backup_retention_days = 0
  }
  expect_failures = [var.backup_retention_days]
}

run "a_disk_must_be_able_to_grow" {
  command = plan
  variables {
    storage_gib     = 100
    max_storage_gib = 100
  }
  expect_failures = [var.max_storage_gib]
}

run "an_unknown_postgres_is_refused" {
  command = plan
  variables {
    engine_version = "9.6"
  }
  expect_failures = [var.engine_version]
}

run "two_zones_or_more" {
  command = plan
  variables {
    subnet_ids = ["subnet-a"]
  }
  expect_failures = [var.subnet_ids]
}

run "another_account_cannot_make_the_service_take_the_role" {
  command = plan
  assert {
    condition     = one(one(data.aws_iam_policy_document.monitoring_assume.statement).condition).variable == "aws:SourceAccount"
    error_message = "The service would act for whoever names this role."
  }
}
