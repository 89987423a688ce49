# Private by default: no public address, no way in, all traffic among the nodes, HTTPS out.

data "aws_ec2_instance_type_offerings" "zones" {
  count = var.network == null && var.zone == null ? 1 : 0

  region        = var.region
  location_type = "availability-zone-id"

  filter {
    name   = "instance-type"
    values = [var.machine]
  }
}

locals {
  own_network = var.network == null
  is_zone_id  = can(regex("-az[0-9]+$", var.zone))
  zone_name   = local.is_zone_id ? null : var.zone
  zone_id     = local.is_zone_id ? var.zone : try(sort(data.aws_ec2_instance_type_offerings.zones[0].locations)[0], null)
  vpc_id      = local.own_network ? aws_vpc.this[0].id : var.network.vpc_id
  subnet_id   = local.own_network ? aws_subnet.private[0].id : var.network.subnet_id
  has_nat     = local.own_network && var.enable_nat
}

resource "aws_vpc" "this" {
  count = local.own_network ? 1 : 0

  region               = var.region
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = local.tags
}

# Without rules: what forgets to name a group gets no traffic at all.
resource "aws_default_security_group" "closed" {
  count = local.own_network ? 1 : 0

  region = var.region
  vpc_id = aws_vpc.this[0].id
  tags   = local.tags
}

resource "aws_subnet" "private" {
  count = local.own_network ? 1 : 0

  region                  = var.region
  vpc_id                  = aws_vpc.this[0].id
  cidr_block              = cidrsubnet(var.vpc_cidr, 1, 0)
  availability_zone_id    = local.zone_id
  availability_zone       = local.zone_name
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table" "private" {
  count = local.own_network ? 1 : 0

  region = var.region
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  count = local.own_network ? 1 : 0

  region         = var.region
  subnet_id      = aws_subnet.private[0].id
  route_table_id = aws_route_table.private[0].id
}

# Datasets and checkpoints go to S3 without passing (and paying) the NAT gateway.
resource "aws_vpc_endpoint" "s3" {
  count = local.own_network ? 1 : 0

  region            = var.region
  vpc_id            = aws_vpc.this[0].id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.region}.s3"
  route_table_ids   = [aws_route_table.private[0].id]
  tags              = local.tags
}

resource "aws_internet_gateway" "this" {
  count = local.has_nat ? 1 : 0

  region = var.region
  vpc_id = aws_vpc.this[0].id
  tags   = local.tags
}

# Holds the NAT gateway and nothing else.
resource "aws_subnet" "nat" {
  count = local.has_nat ? 1 : 0

  region                  = var.region
  vpc_id                  = aws_vpc.this[0].id
  cidr_block              = cidrsubnet(var.vpc_cidr, 28 - tonumber(split("/", var.vpc_cidr)[1]), pow(2, 27 - tonumber(split("/", var.vpc_cidr)[1])))
  availability_zone_id    = local.zone_id
  availability_zone       = local.zone_name
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-nat" })
}

resource "aws_route_table" "nat" {
  count = local.has_nat ? 1 : 0

  region = var.region
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = "${var.name}-nat" })
}

resource "aws_route" "nat_out" {
  count = local.has_nat ? 1 : 0

  region                 = var.region
  route_table_id         = aws_route_table.nat[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "nat" {
  count = local.has_nat ? 1 : 0

  region         = var.region
  subnet_id      = aws_subnet.nat[0].id
  route_table_id = aws_route_table.nat[0].id
}

resource "aws_eip" "nat" {
  count = local.has_nat ? 1 : 0

  region = var.region
  domain = "vpc"
  tags   = merge(local.tags, { Name = "${var.name}-nat" })
}

resource "aws_nat_gateway" "this" {
  count = local.has_nat ? 1 : 0

  region        = var.region
  allocation_id = aws_eip.nat[0].allocation_id
  subnet_id     = aws_subnet.nat[0].id
  tags          = local.tags

  depends_on = [aws_route.nat_out]
}

resource "aws_route" "private_out" {
  count = local.has_nat ? 1 : 0

  region                 = var.region
  route_table_id         = aws_route_table.private[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[0].id
}

resource "aws_security_group" "node" {
  region      = var.region
  name        = var.name
  description = "Nodes of pool ${var.name}: each other, and HTTPS out"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

# EFA needs its own group in both directions; an address range does not do.
resource "aws_vpc_security_group_ingress_rule" "peers" {
  region                       = var.region
  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "-1"
  description                  = "Everything between the nodes"
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "peers" {
  region                       = var.region
  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "-1"
  description                  = "Everything between the nodes"
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  region            = var.region
  security_group_id = aws_security_group.node.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "HTTPS out: images, packages, SSM, S3"
  tags              = local.tags
}
