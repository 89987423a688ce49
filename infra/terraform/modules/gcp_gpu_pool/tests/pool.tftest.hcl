# What a pool is made of, without an account: terraform test

mock_provider "google" {
  mock_data "google_compute_zones" {
    defaults = { names = ["us-central1-c", "us-central1-a"] }
  }
  mock_resource "google_compute_network" {
    defaults = { project = "training" }
  }
}

variables {
  name    = "pretrain-1a2b3c"
  region  = "us-central1"
  zone    = "us-central1-a"
  machine = "a3-megagpu-8g"
  nodes   = 4
  market  = "on_demand"
  now     = "2030-01-01T00:00:00Z"
  windows = [
    { start = "2030-01-02T00:00:00Z", end = "2030-01-03T06:15:00Z" },
    { start = "2030-01-05T00:00:00Z", end = "2030-01-06T00:00:00Z" },
  ]
  labels = { plan = "rec_1", job = "pretrain", cost-center = "research" }
}

run "a3_mega_has_eight_networks_for_gpus" {
  command = plan

  assert {
    condition     = [for n in google_compute_instance_template.this.network_interface : n.nic_type] == [for i in range(9) : "GVNIC"] && length(google_compute_network.gpu) == 8
    error_message = "GPUDirect-TCPXO needs 1 + 8 gVNICs, each in a network of its own."
  }
  assert {
    condition     = google_compute_network.primary.mtu == 8244 && alltrue([for n in google_compute_network.gpu : n.mtu == 8244])
    error_message = "A3 networks have an MTU of 8244."
  }
  assert {
    condition     = length(distinct([for s in google_compute_subnetwork.gpu : s.ip_cidr_range])) == 8
    error_message = "The networks of one node must not share addresses."
  }
}

run "a3_high_has_four" {
  command = plan
  variables {
    machine = "a3-highgpu-8g"
  }

  assert {
    condition     = length(google_compute_instance_template.this.network_interface) == 5
    error_message = "GPUDirect-TCPX needs 1 + 4 gVNICs."
  }
}

run "a3_ultra_has_rdma" {
  command = plan
  variables {
    machine = "a3-ultragpu-8g"
    market  = "spot"
  }

  assert {
    condition     = [for n in google_compute_instance_template.this.network_interface : n.nic_type] == concat(["GVNIC", "GVNIC"], [for i in range(8) : "MRDMA"])
    error_message = "A3 Ultra has two gVNICs and eight RDMA interfaces."
  }
  assert {
    condition     = length(google_compute_network.rdma) == 1 && length(google_compute_subnetwork.rdma) == 8 && google_compute_network.rdma[0].mtu == 8896
    error_message = "Eight subnets in one RDMA network."
  }
  assert {
    condition     = google_compute_instance_template.this.disk[0].disk_type == "hyperdisk-balanced" && google_compute_resource_policy.workload[0].workload_policy[0].type == "HIGH_THROUGHPUT" && length(google_compute_resource_policy.compact) == 0
    error_message = "A3 Ultra boots from Hyperdisk and is placed by a workload policy."
  }
}

run "a2_has_one_interface_and_stands_together" {
  command = plan
  variables {
    machine = "a2-ultragpu-8g"
  }

  assert {
    condition     = length(google_compute_instance_template.this.network_interface) == 1 && google_compute_resource_policy.compact[0].group_placement_policy[0].collocation == "COLLOCATED"
    error_message = "A2 has one gVNIC and a compact placement policy."
  }
}

run "on_demand_ends_by_itself" {
  command = plan

  assert {
    condition     = google_compute_instance_template.this.scheduling[0].provisioning_model == "STANDARD" && google_compute_instance_template.this.scheduling[0].termination_time == "2030-01-06T00:00:00Z" && google_compute_instance_template.this.scheduling[0].instance_termination_action == "DELETE"
    error_message = "Nodes are deleted at the end of the last window."
  }
  assert {
    condition     = google_compute_instance_group_manager.this.target_size == 0 && google_compute_instance_template.this.reservation_affinity[0].type == "NO_RESERVATION"
    error_message = "Before its first window a pool has no node, and it uses up no reservation."
  }
}

run "spot_is_preemptible_and_never_restarted" {
  command = plan
  variables {
    market = "spot"
  }

  assert {
    condition     = google_compute_instance_template.this.scheduling[0].preemptible && !google_compute_instance_template.this.scheduling[0].automatic_restart && google_compute_instance_template.this.scheduling[0].on_host_maintenance == "TERMINATE"
    error_message = "Spot: preemptible, no automatic restart."
  }
}

run "flex_start_asks_for_the_gang_inside_the_window" {
  command = plan
  variables {
    market    = "flex_start"
    machine   = "a4-highgpu-8g"
    run_hours = 30.25
    now       = "2030-01-02T00:00:00Z"
  }

  assert {
    condition     = google_compute_resize_request.gang["203001020000"].resize_by == 4 && google_compute_resize_request.gang["203001020000"].requested_run_duration[0].seconds == "108900"
    error_message = "One request for all nodes and their hours."
  }
  assert {
    condition     = google_compute_instance_group_manager.this.target_size == 0 && google_compute_instance_template.this.scheduling[0].max_run_duration[0].seconds == 108900 && google_compute_instance_template.this.scheduling[0].termination_time == null
    error_message = "The group is sized by the request alone; its nodes end by their duration."
  }
  assert {
    condition     = google_compute_instance_group_manager.this.instance_lifecycle_policy[0].default_action_on_failure == "DO_NOTHING" && length(google_compute_resource_policy.workload) == 1
    error_message = "Flex-start nodes are not repaired; on A4 they are placed together."
  }
}

run "flex_start_asks_for_nothing_before" {
  command = plan
  variables {
    market    = "flex_start"
    run_hours = 24
  }

  assert {
    condition     = length(google_compute_resize_request.gang) == 0 && length(google_compute_resource_policy.compact) == 0
    error_message = "No request before its window, and no compact placement on A3 Mega."
  }
}

run "flex_start_needs_its_hours" {
  command = plan
  variables {
    market    = "flex_start"
    run_hours = 200
  }
  expect_failures = [var.run_hours]
}

run "calendar_capacity_is_used_all_at_once" {
  command = plan
  variables {
    market      = "capacity_block"
    machine     = "a3-ultragpu-8g"
    reservation = "december-block"
  }

  assert {
    condition     = google_compute_instance_template.this.scheduling[0].provisioning_model == "RESERVATION_BOUND" && google_compute_instance_group_manager.this.target_size_policy[0].mode == "BULK"
    error_message = "Reserved blocks start as a gang."
  }
  assert {
    condition     = tolist(google_compute_instance_template.this.reservation_affinity[0].specific_reservation[0].values) == tolist(["december-block"]) && length(google_compute_resource_policy.workload) == 0
    error_message = "Nodes launch into the named reservation, which places them."
  }
}

run "a_reservation_needs_its_name" {
  command = plan
  variables {
    market = "reservation"
  }
  expect_failures = [var.reservation]
}

run "a_scheduler_starts_and_stops_the_nodes" {
  command = plan
  variables {
    scheduler_service_account = "resizer@training.iam.gserviceaccount.com"
    now                       = "2030-01-02T12:00:00Z"
  }

  assert {
    condition     = { for key, job in google_cloud_scheduler_job.resize : key => job.schedule } == { "start-203001050000" = "0 0 5 1 *", "stop-203001020000" = "15 6 3 1 *", "stop-203001050000" = "0 0 6 1 *" }
    error_message = "What has passed is not scheduled; each start and stop is, in UTC."
  }
  assert {
    condition     = google_compute_instance_group_manager.this.target_size == 4
    error_message = "Applied inside a window, the pool starts at once."
  }
}

run "nothing_is_open" {
  command = plan

  assert {
    condition     = length(google_compute_firewall.iap_ssh) == 0 && tolist(google_compute_firewall.peers.source_ranges) == tolist(["10.42.0.0/20"])
    error_message = "The only way in is from a node of the same network."
  }
  assert {
    condition     = alltrue([for n in google_compute_instance_template.this.network_interface : length(n.access_config) == 0])
    error_message = "No interface has a public address."
  }
  assert {
    condition     = google_compute_instance_template.this.metadata["block-project-ssh-keys"] == "TRUE" && google_compute_instance_template.this.shielded_instance_config[0].enable_vtpm
    error_message = "No SSH keys of the project; shielded nodes."
  }
  assert {
    condition     = length(google_filestore_instance.this) == 0
    error_message = "A file system is made only where it is asked for."
  }
}

run "ssh_through_iap_where_asked_for" {
  command = plan
  variables {
    enable_iap_ssh = true
    filestore      = { capacity_gib = 1024 }
    buckets        = ["checkpoints"]
  }

  assert {
    condition     = tolist(google_compute_firewall.iap_ssh[0].source_ranges) == tolist(["35.235.240.0/20"]) && google_storage_bucket_iam_member.node["checkpoints"].role == "roles/storage.objectUser"
    error_message = "SSH from Identity-Aware Proxy alone; the named bucket alone."
  }
}

run "labels_reach_nodes_and_disks" {
  command = plan

  assert {
    condition     = google_compute_instance_template.this.labels["cost-center"] == "research" && google_compute_instance_template.this.disk[0].labels["pool"] == "pretrain-1a2b3c"
    error_message = "Instances and disks carry the cost labels."
  }
}

run "names_zones_and_labels_are_checked" {
  command = plan
  variables {
    name   = "p"
    zone   = "europe-west4-a"
    nodes  = 1.5
    market = "reserved_1y"
    labels = { job = "Größe" }
  }
  expect_failures = [var.name, var.zone, var.nodes, var.market, var.labels]
}
