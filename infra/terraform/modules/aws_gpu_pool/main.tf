# One gang of GPU nodes in one zone: nothing of it is reachable from outside, and it has nodes during its windows only.

locals {
  # Network cards of a machine, and whether the first one carries EFA (AWS, EC2 user guide, EFA instance types).
  cards = {
    "p3dn.24xlarge"    = { count = 1, first_has_efa = true }
    "p4d.24xlarge"     = { count = 4, first_has_efa = true }
    "p4de.24xlarge"    = { count = 4, first_has_efa = true }
    "p5.4xlarge"       = { count = 1, first_has_efa = true }
    "p5.48xlarge"      = { count = 32, first_has_efa = true }
    "p5e.48xlarge"     = { count = 32, first_has_efa = true }
    "p5en.48xlarge"    = { count = 16, first_has_efa = true }
    "p6-b200.48xlarge" = { count = 8, first_has_efa = true }
    "p6-b300.48xlarge" = { count = 17, first_has_efa = false }
  }
  card_count     = local.cards[var.machine].count
  first_has_efa  = local.cards[var.machine].first_has_efa
  efa_interfaces = local.card_count - (local.first_has_efa ? 0 : 1)
  layout         = local.first_has_efa ? var.efa_layout : "B"

  # Layout A: card 0 carries IP and EFA at once, the others are device 1 of their cards.
  # Layout B: card 0 has an interface for IP beside its EFA (if it has any), the others are device 0 of their cards.
  first_interfaces = local.layout == "A" ? [{ card = 0, device = 0, type = "efa" }] : concat(
    [{ card = 0, device = 0, type = "interface" }],
    local.first_has_efa ? [{ card = 0, device = 1, type = "efa-only" }] : [],
  )
  interfaces = concat(local.first_interfaces, [
    for card in range(1, local.card_count) : { card = card, device = local.layout == "A" ? 1 : 0, type = "efa-only" }
  ])

  # A reservation or block has its own placement, and a single node has no neighbours to be near to.
  placed = var.nodes > 1 && var.capacity_reservation_id == null

  now     = var.now != null ? var.now : plantimestamp()
  starts  = { for w in var.windows : formatdate("YYYYMMDDhhmm", w.start) => w.start if timecmp(w.start, local.now) > 0 }
  ends    = { for w in var.windows : formatdate("YYYYMMDDhhmm", w.end) => w.end if timecmp(w.end, local.now) > 0 }
  running = anytrue([for w in var.windows : timecmp(w.start, local.now) <= 0 && timecmp(local.now, w.end) < 0])

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_placement_group" "this" {
  count = local.placed ? 1 : 0

  region   = var.region
  name     = var.name
  strategy = "cluster"
  tags     = local.tags
}

resource "aws_launch_template" "this" {
  region                               = var.region
  name                                 = var.name
  description                          = "Nodes of pool ${var.name}"
  image_id                             = var.image_id
  instance_type                        = var.machine
  update_default_version               = true
  instance_initiated_shutdown_behavior = "terminate"
  user_data                            = var.user_data == null ? null : base64encode(var.user_data)
  tags                                 = local.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.node.arn
  }

  # Containers reach the metadata service over one more hop.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  block_device_mappings {
    device_name = "/dev/sda1"

    ebs {
      volume_size           = var.root_volume_gib
      volume_type           = "gp3"
      iops                  = 6000
      throughput            = 500
      encrypted             = true
      kms_key_id            = var.kms_key_id
      delete_on_termination = true
    }
  }

  # The subnet is the group's to say (vpc_zone_identifier): a template for Auto Scaling names none.
  dynamic "network_interfaces" {
    for_each = local.interfaces

    content {
      network_card_index    = network_interfaces.value.card
      device_index          = network_interfaces.value.device
      interface_type        = network_interfaces.value.type
      security_groups       = [aws_security_group.node.id]
      delete_on_termination = "true"
    }
  }

  dynamic "placement" {
    for_each = aws_placement_group.this

    content {
      group_name = placement.value.name
    }
  }

  # Spot in a placement group must be terminated, not stopped.
  dynamic "instance_market_options" {
    for_each = var.market == "spot" ? [1] : []

    content {
      market_type = "spot"

      spot_options {
        spot_instance_type             = "one-time"
        instance_interruption_behavior = "terminate"
        max_price                      = var.spot_max_usd_per_hour == null ? null : tostring(var.spot_max_usd_per_hour)
      }
    }
  }

  dynamic "instance_market_options" {
    for_each = var.market == "capacity_block" ? [1] : []

    content {
      market_type = "capacity-block"
    }
  }

  dynamic "capacity_reservation_specification" {
    for_each = var.capacity_reservation_id == null ? [] : [var.capacity_reservation_id]

    content {
      capacity_reservation_target {
        capacity_reservation_id = capacity_reservation_specification.value
      }
    }
  }

  # Provider default_tags do not reach what a launch template makes.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }
}

resource "aws_autoscaling_group" "this" {
  region                    = var.region
  name                      = var.name
  min_size                  = 0
  max_size                  = var.nodes
  desired_capacity          = local.running ? var.nodes : 0
  vpc_zone_identifier       = [local.subnet_id]
  health_check_type         = "EC2"
  suspended_processes       = ["AZRebalance"]
  wait_for_capacity_timeout = "0"

  launch_template {
    id      = aws_launch_template.this.id
    version = tostring(aws_launch_template.this.latest_version)
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  # The schedule owns the size once the group stands: a later apply must not undo it.
  lifecycle {
    ignore_changes = [desired_capacity, min_size, max_size]
  }
}

resource "aws_autoscaling_schedule" "start" {
  for_each = local.starts

  region                 = var.region
  autoscaling_group_name = aws_autoscaling_group.this.name
  scheduled_action_name  = "start-${each.key}"
  start_time             = each.value
  min_size               = 0
  max_size               = var.nodes
  desired_capacity       = var.nodes
}

resource "aws_autoscaling_schedule" "stop" {
  for_each = local.ends

  region                 = var.region
  autoscaling_group_name = aws_autoscaling_group.this.name
  scheduled_action_name  = "stop-${each.key}"
  start_time             = each.value
  min_size               = 0
  max_size               = var.nodes
  desired_capacity       = 0
}

# The map of cards keeps plans possible without an account; where there is one, AWS has the last word. The data source
# stands outside the check: inside, a failing one would make every plan show a change.
data "aws_ec2_instance_type" "this" {
  region        = var.region
  instance_type = var.machine
}

check "interfaces_match_aws" {
  assert {
    condition     = data.aws_ec2_instance_type.this.efa_maximum_interfaces == local.efa_interfaces
    error_message = "AWS says that ${var.machine} has another number of EFA interfaces than the ${local.efa_interfaces} planned: correct local.cards in modules/aws_gpu_pool/main.tf."
  }
}
