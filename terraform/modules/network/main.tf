# Six kinds of subnets, so that NetworkPolicies can name each by one network: public (NAT alone), edge (the internal load
# balancer and CloudFront's way in), control (the Kubernetes API's interfaces), endpoints (AWS services inside of the VPC),
# private (nodes and pods), data (no way out).
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  zones     = { for index, zone in var.availability_zones : zone => index }
  # Half of the last eighth holds the small subnets, the first three eighths the pods.
  last_eighth = cidrsubnet(var.vpc_cidr, 3, 7)
  cidrs = {
    private   = { for zone, index in local.zones : zone => cidrsubnet(var.vpc_cidr, 3, index) }
    public    = { for zone, index in local.zones : zone => cidrsubnet(local.last_eighth, 5, index) }
    edge      = { for zone, index in local.zones : zone => cidrsubnet(local.last_eighth, 5, 8 + index) }
    data      = { for zone, index in local.zones : zone => cidrsubnet(local.last_eighth, 5, 16 + index) }
    control   = { for zone, index in local.zones : zone => cidrsubnet(local.last_eighth, 5, 24 + index) }
    endpoints = { for zone, index in local.zones : zone => cidrsubnet(local.last_eighth, 5, 28 + index) }
  }
  nat_zones = var.nat_per_zone ? var.availability_zones : slice(var.availability_zones, 0, 1)
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# AWS makes a security group that lets its members talk to each other; nothing uses it, so it allows nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-unused" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each          = local.cidrs.public
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "edge" {
  for_each          = local.cidrs.edge
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-edge-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each          = local.cidrs.private
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_subnet" "data" {
  for_each          = local.cidrs.data
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-data-${each.key}" }
}

resource "aws_subnet" "control" {
  for_each          = local.cidrs.control
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-control-${each.key}" }
}

resource "aws_subnet" "endpoints" {
  for_each          = local.cidrs.endpoints
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-endpoints-${each.key}" }
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)
  domain   = "vpc"
  tags     = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each      = toset(local.nat_zones)
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${var.name}-${each.key}" }
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  for_each = local.zones
  vpc_id   = aws_vpc.this.id
  tags     = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route" "nat" {
  for_each               = local.zones
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat_per_zone ? each.key : local.nat_zones[0]].id
}

resource "aws_route_table_association" "private" {
  for_each       = local.zones
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

# The database, the cache and the load balancer start no connections to the internet: their subnets have local routes.
resource "aws_route_table" "local" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-local" }
}

resource "aws_route_table_association" "data" {
  for_each       = aws_subnet.data
  subnet_id      = each.value.id
  route_table_id = aws_route_table.local.id
}

resource "aws_route_table_association" "control" {
  for_each       = aws_subnet.control
  subnet_id      = each.value.id
  route_table_id = aws_route_table.local.id
}

resource "aws_route_table_association" "endpoints" {
  for_each       = aws_subnet.endpoints
  subnet_id      = each.value.id
  route_table_id = aws_route_table.local.id
}

# CloudFront's interfaces need an internet gateway to exist in the VPC, and no route to it.
resource "aws_route_table_association" "edge" {
  for_each       = aws_subnet.edge
  subnet_id      = each.value.id
  route_table_id = aws_route_table.local.id
}

# Without it whoever got out of a sandbox could carry scenes into a bucket of their own by this way, with keys of their own.
data "aws_iam_policy_document" "s3" {
  #checkov:skip=CKV_AWS_283: An endpoint's policy grants nothing, it bounds what goes through; destinations have keys of other accounts, and ECR signs links with its own
  statement {
    sid = "Buckets"
    actions = [
      "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
      "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
    ]
    resources = flatten([for name in var.bucket_names : ["arn:${local.partition}:s3:::${name}", "arn:${local.partition}:s3:::${name}/*"]])
    principals {
      type        = "AWS"
      identifiers = ["*"] # wildcard: the way alone, not a right; that is each role's
    }
  }
  statement {
    sid       = "LayersOfImages"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::prod-${data.aws_region.current.name}-starport-layer-bucket/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"] # wildcard: links that ECR signs with its own role
    }
  }
}

# Pixels go through here: a gateway endpoint costs nothing, NAT 45 USD for each TB.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy            = data.aws_iam_policy_document.s3.json
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "AWS services inside of the VPC"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each          = local.cidrs.private
  security_group_id = aws_security_group.endpoints.id
  description       = "HTTPS from nodes and pods of ${each.key}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = var.interface_endpoints
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.endpoints : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = { Name = "${var.name}-${each.key}" }
}
