# What a pool is made of, without an account: terraform test

mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { efa_maximum_interfaces = 32 }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = { locations = ["use1-az6", "use1-az2"] }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/pool" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/pool" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name    = "pretrain-1a2b3c"
  region  = "us-east-1"
  zone    = "use1-az4"
  machine = "p5.48xlarge"
  nodes   = 4
  market  = "on_demand"
  now     = "2030-01-01T00:00:00Z"
  windows = [
    { start = "2030-01-02T00:00:00Z", end = "2030-01-03T06:15:00Z" },
    { start = "2030-01-05T00:00:00Z", end = "2030-01-06T00:00:00Z" },
  ]
  tags = { plan = "rec_1", job = "pretrain", cost-center = "research" }
}

run "layout_a_has_one_address_and_efa_on_every_card" {
  command = plan

  assert {
    condition     = length(aws_launch_template.this.network_interfaces) == 32
    error_message = "p5.48xlarge has 32 cards, an interface each."
  }
  assert {
    condition     = aws_launch_template.this.network_interfaces[0].interface_type == "efa" && alltrue([for i, n in aws_launch_template.this.network_interfaces : n.network_card_index == i && n.device_index == (i == 0 ? 0 : 1) && (i == 0 || n.interface_type == "efa-only")])
    error_message = "Card 0 must be efa as device 0, the others efa-only as device 1."
  }
  assert {
    condition     = alltrue([for n in aws_launch_template.this.network_interfaces : n.associate_public_ip_address == null])
    error_message = "No interface asks for a public address."
  }
  assert {
    condition     = alltrue([for n in aws_launch_template.this.network_interfaces : n.subnet_id == null])
    error_message = "The Auto Scaling group says the subnet."
  }
}

run "layout_b_adds_an_interface_for_ip" {
  command = plan
  variables {
    efa_layout = "B"
  }

  assert {
    condition     = length(aws_launch_template.this.network_interfaces) == 33 && aws_launch_template.this.network_interfaces[0].interface_type == "interface"
    error_message = "Layout B has 32 EFA interfaces and one for IP."
  }
  assert {
    condition     = aws_launch_template.this.network_interfaces[1].network_card_index == 0 && aws_launch_template.this.network_interfaces[1].device_index == 1 && aws_launch_template.this.network_interfaces[2].device_index == 0
    error_message = "Card 0 has its EFA as device 1, the others as device 0."
  }
}

run "the_first_card_of_p6_b300_has_no_efa" {
  command = plan
  variables {
    machine = "p6-b300.48xlarge"
  }

  assert {
    condition     = [for n in aws_launch_template.this.network_interfaces : n.interface_type] == concat(["interface"], [for i in range(16) : "efa-only"])
    error_message = "p6-b300 has 16 EFA interfaces on cards 1 to 16 and IP on card 0."
  }
  expect_failures = [check.interfaces_match_aws]
}

run "a_number_that_aws_contradicts_is_said" {
  command = plan
  variables {
    machine = "p5en.48xlarge"
  }

  assert {
    condition     = length(aws_launch_template.this.network_interfaces) == 16
    error_message = "p5en.48xlarge has 16 cards."
  }
  expect_failures = [check.interfaces_match_aws]
}

run "on_demand_nodes_stand_together" {
  command = plan

  assert {
    condition     = aws_placement_group.this[0].strategy == "cluster" && length(aws_launch_template.this.placement) == 1
    error_message = "A gang needs a cluster placement group."
  }
  assert {
    condition     = length(aws_launch_template.this.instance_market_options) == 0 && length(aws_launch_template.this.capacity_reservation_specification) == 0
    error_message = "On-demand nodes have neither market options nor a reservation."
  }
}

run "spot_ends_by_termination" {
  command = plan
  variables {
    market                = "spot"
    spot_max_usd_per_hour = 31.5
  }

  assert {
    condition     = aws_launch_template.this.instance_market_options[0].spot_options[0].instance_interruption_behavior == "terminate" && aws_launch_template.this.instance_market_options[0].spot_options[0].max_price == "31.5"
    error_message = "Spot nodes in a placement group must be terminated, at most at the given price."
  }
}

run "a_capacity_block_is_used_not_bought" {
  command = plan
  variables {
    market                  = "capacity_block"
    capacity_reservation_id = "cr-0123456789abcdef0"
  }

  assert {
    condition     = aws_launch_template.this.instance_market_options[0].market_type == "capacity-block" && aws_launch_template.this.capacity_reservation_specification[0].capacity_reservation_target[0].capacity_reservation_id == "cr-0123456789abcdef0"
    error_message = "The template must launch into the block."
  }
  assert {
    condition     = length(aws_placement_group.this) == 0
    error_message = "AWS places the nodes of a block; a group of our own is not wanted."
  }
}

run "a_block_without_its_id_is_refused" {
  command = plan
  variables {
    market = "capacity_block"
  }
  expect_failures = [var.capacity_reservation_id]
}

run "nodes_run_in_their_windows_only" {
  command = plan

  assert {
    condition     = aws_autoscaling_group.this.desired_capacity == 0 && aws_autoscaling_group.this.max_size == 4
    error_message = "Before its first window a pool has no node."
  }
  assert {
    condition     = [for key, a in aws_autoscaling_schedule.start : "${a.start_time} ${a.desired_capacity}"] == ["2030-01-02T00:00:00Z 4", "2030-01-05T00:00:00Z 4"]
    error_message = "Each window starts all nodes."
  }
  assert {
    condition     = [for key, a in aws_autoscaling_schedule.stop : "${a.start_time} ${a.desired_capacity}"] == ["2030-01-03T06:15:00Z 0", "2030-01-06T00:00:00Z 0"]
    error_message = "Each window ends all nodes."
  }
}

run "applied_inside_a_window_it_starts_at_once" {
  command = plan
  variables {
    now = "2030-01-02T12:00:00Z"
  }

  assert {
    condition     = aws_autoscaling_group.this.desired_capacity == 4 && length(aws_autoscaling_schedule.start) == 1 && length(aws_autoscaling_schedule.stop) == 2
    error_message = "A running window starts with the group; its end and the second window are scheduled."
  }
}

run "nothing_is_open_and_everything_is_encrypted" {
  command = plan

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && tobool(aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted)
    error_message = "IMDSv2 and encrypted disks."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.peers.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.peers.ip_protocol == "-1"
    error_message = "The only way in is from a node of the same group."
  }
  assert {
    condition     = aws_launch_template.this.key_name == null && !aws_subnet.private[0].map_public_ip_on_launch
    error_message = "No key pair, no public address."
  }
  assert {
    condition     = length(aws_fsx_lustre_file_system.this) == 0
    error_message = "A file system is made only where it is asked for."
  }
}

run "tags_reach_what_the_template_makes" {
  command = plan

  assert {
    condition     = length(aws_launch_template.this.tag_specifications) == 3 && alltrue([for s in aws_launch_template.this.tag_specifications : s.tags["cost-center"] == "research"])
    error_message = "Instances, volumes and interfaces carry the cost tags."
  }
  assert {
    condition     = alltrue([for t in aws_autoscaling_group.this.tag : t.propagate_at_launch])
    error_message = "Tags of the group reach its nodes."
  }
}

run "a_region_wide_pool_takes_a_zone_that_has_the_machine" {
  command = plan
  variables {
    zone = null
  }

  assert {
    condition     = aws_subnet.private[0].availability_zone_id == "use1-az2"
    error_message = "The first zone that offers the machine, in order of name."
  }
}

run "a_zone_may_be_named" {
  command = plan
  variables {
    zone = "us-east-1a"
  }

  assert {
    condition     = aws_subnet.private[0].availability_zone == "us-east-1a"
    error_message = "A zone name is taken as one."
  }
}

run "an_existing_network_is_left_as_it_is" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_id = "subnet-1" }
    fsx     = { capacity_gib = 2400 }
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_nat_gateway.this) + length(aws_subnet.private) == 0 && aws_security_group.node.vpc_id == "vpc-1"
    error_message = "In a network of yours only the security group is made."
  }
  assert {
    condition     = aws_fsx_lustre_file_system.this[0].per_unit_storage_throughput == 250
    error_message = "The file system has the default throughput."
  }
}

run "names_and_zones_are_checked" {
  command = plan
  variables {
    name   = "Pretrain"
    zone   = "use1"
    nodes  = 0
    market = "reserved_1y"
  }
  expect_failures = [var.name, var.zone, var.nodes, var.market]
}
