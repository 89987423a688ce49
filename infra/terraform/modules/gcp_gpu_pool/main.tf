# One gang of GPU nodes in one zone: no public address, and it has nodes during its windows only.

locals {
  # What ties the nodes together, by family (Google Cloud's cluster-toolkit). Other members of A2 and A3 High have one
  # interface. gvnics: further interfaces, each in a network of its own; rdma: interfaces in one RDMA network.
  fabrics = {
    "a3-highgpu-8g"  = { gvnics = 4, rdma = 0, mtu = 8244, disk = "pd-ssd", placement = "compact" }
    "a3-megagpu-8g"  = { gvnics = 8, rdma = 0, mtu = 8244, disk = "pd-ssd", placement = "compact" }
    "a3-ultragpu-8g" = { gvnics = 1, rdma = 8, mtu = 8896, disk = "hyperdisk-balanced", placement = "workload" }
    "a4-highgpu-8g"  = { gvnics = 1, rdma = 8, mtu = 8896, disk = "hyperdisk-balanced", placement = "workload" }
  }
  single = { gvnics = 0, rdma = 0, mtu = 8896, disk = "pd-ssd", placement = "compact" }
  fabric = lookup(local.fabrics, var.machine, local.single)

  zone = var.zone != null ? var.zone : try(sort([for name, offered in data.google_compute_machine_types.offered : name if length(offered.machine_types) > 0])[0], null)

  # Reservations of the newest machines, and all in calendar mode, are bound to their reservation: its end is theirs.
  is_flex  = var.market == "flex_start"
  is_spot  = var.market == "spot"
  is_bound = var.market == "capacity_block" || (var.market == "reservation" && local.fabric.placement == "workload")
  model    = local.is_flex ? "FLEX_START" : local.is_spot ? "SPOT" : local.is_bound ? "RESERVATION_BOUND" : "STANDARD"

  # Dense reservations stand together by themselves; flex-start takes a compact policy on A3 Ultra and A4 alone.
  is_gang = var.nodes > 1
  compact = local.is_gang && local.fabric.placement == "compact" && !local.is_flex && !local.is_bound
  topical = local.is_gang && local.fabric.placement == "workload" && var.reservation == null

  now     = var.now != null ? var.now : plantimestamp()
  windows = { for w in var.windows : formatdate("YYYYMMDDhhmm", w.start) => w }
  running = { for key, w in local.windows : key => w if timecmp(w.start, local.now) <= 0 && timecmp(local.now, w.end) < 0 }
  last    = [for w in var.windows : w.end if alltrue([for other in var.windows : timecmp(other.end, w.end) <= 0])][0]

  labels = merge(var.labels, { pool = var.name })
}

data "google_compute_zones" "region" {
  count = var.zone == null ? 1 : 0

  region = var.region
  status = "UP"
}

data "google_compute_machine_types" "offered" {
  for_each = toset(var.zone == null ? data.google_compute_zones.region[0].names : [])

  zone   = each.value
  filter = "name = \"${var.machine}\""
}

resource "google_compute_resource_policy" "compact" {
  count = local.compact ? 1 : 0

  name   = "${var.name}-compact"
  region = var.region

  group_placement_policy {
    collocation = "COLLOCATED"
  }
}

resource "google_compute_resource_policy" "workload" {
  count = local.topical ? 1 : 0

  name   = "${var.name}-workload"
  region = var.region

  workload_policy {
    type                  = "HIGH_THROUGHPUT"
    max_topology_distance = "BLOCK"
  }
}

resource "google_compute_instance_template" "this" {
  name_prefix       = "${var.name}-"
  description       = "Nodes of pool ${var.name}"
  machine_type      = var.machine
  resource_policies = local.compact ? [google_compute_resource_policy.compact[0].self_link] : null
  labels            = local.labels

  metadata_startup_script = var.startup_script
  metadata = {
    enable-oslogin         = "TRUE"
    block-project-ssh-keys = "TRUE"
    serial-port-enable     = "FALSE"
  }

  disk {
    boot         = true
    auto_delete  = true
    source_image = var.image
    disk_type    = local.fabric.disk
    disk_size_gb = var.boot_disk_gib
    labels       = local.labels

    dynamic "disk_encryption_key" {
      for_each = var.kms_key == null ? [] : [var.kms_key]

      content {
        kms_key_self_link = disk_encryption_key.value
      }
    }
  }

  dynamic "network_interface" {
    for_each = local.interfaces

    content {
      network    = network_interface.value.network
      subnetwork = network_interface.value.subnetwork
      nic_type   = network_interface.value.nic_type
    }
  }

  # The hour at which Google deletes the nodes whatever else happens; bound nodes end with their reservation.
  scheduling {
    on_host_maintenance         = "TERMINATE"
    provisioning_model          = local.model
    preemptible                 = local.is_spot
    automatic_restart           = !local.is_spot && !local.is_flex
    instance_termination_action = "DELETE"
    termination_time            = local.is_flex || local.is_bound ? null : local.last

    dynamic "max_run_duration" {
      for_each = local.is_flex ? [floor(var.run_hours * 3600)] : []

      content {
        seconds = max_run_duration.value
      }
    }
  }

  dynamic "reservation_affinity" {
    for_each = var.reservation == null ? [] : [var.reservation]

    content {
      type = "SPECIFIC_RESERVATION"

      specific_reservation {
        key    = "compute.googleapis.com/reservation-name"
        values = [reservation_affinity.value]
      }
    }
  }

  # Without it nodes would use up any open reservation of the project.
  dynamic "reservation_affinity" {
    for_each = var.reservation == null ? [1] : []

    content {
      type = "NO_RESERVATION"
    }
  }

  service_account {
    email  = google_service_account.node.email
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
  }

  shielded_instance_config {
    enable_vtpm                 = true
    enable_integrity_monitoring = true
    enable_secure_boot          = var.enable_secure_boot
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_instance_group_manager" "this" {
  name               = var.name
  zone               = local.zone
  base_instance_name = var.name
  description        = "Nodes of pool ${var.name}"
  target_size        = local.is_flex || length(local.running) == 0 ? 0 : var.nodes
  wait_for_instances = false

  version {
    instance_template = google_compute_instance_template.this.self_link_unique
  }

  # A new template waits for the next start: nodes that train are not replaced under way.
  update_policy {
    type                  = "OPPORTUNISTIC"
    minimal_action        = "REPLACE"
    replacement_method    = "SUBSTITUTE"
    max_surge_fixed       = 0
    max_unavailable_fixed = var.nodes
  }

  instance_lifecycle_policy {
    default_action_on_failure = local.is_flex ? "DO_NOTHING" : "REPAIR"
  }

  # All nodes at once or none: only where the provisioning model has it.
  dynamic "target_size_policy" {
    for_each = local.is_bound ? [1] : []

    content {
      mode = "BULK"
    }
  }

  dynamic "resource_policies" {
    for_each = google_compute_resource_policy.workload

    content {
      workload_policy = resource_policies.value.self_link
    }
  }

  lifecycle {
    precondition {
      condition     = local.zone != null
      error_message = "No zone of ${var.region} offers ${var.machine}: name another region, or the zone of your reservation."
    }

    # Scheduler and resize requests own the size once the group stands: a later apply must not undo them.
    ignore_changes = [target_size]
  }
}

# Flex-start: a request for all nodes at once, queued until Google has them. Made by an apply inside the window.
resource "google_compute_resize_request" "gang" {
  for_each = local.is_flex ? local.running : {}

  name                   = "${var.name}-${each.key}"
  zone                   = local.zone
  instance_group_manager = google_compute_instance_group_manager.this.name
  resize_by              = var.nodes

  requested_run_duration {
    seconds = tostring(floor(var.run_hours * 3600))
  }
}

locals {
  # Cron has no year: what lies a year ahead or has passed is left out, and the jobs go when the pool is destroyed.
  is_scheduled = var.scheduler_service_account != null && !local.is_flex
  resizes = local.is_scheduled ? merge(
    { for key, w in local.windows : "start-${key}" => { at = w.start, size = var.nodes } if timecmp(w.start, local.now) > 0 && timecmp(w.start, timeadd(local.now, "8760h")) < 0 },
    { for key, w in local.windows : "stop-${key}" => { at = w.end, size = 0 } if timecmp(w.end, local.now) > 0 && timecmp(w.end, timeadd(local.now, "8760h")) < 0 },
  ) : {}
}

resource "google_cloud_scheduler_job" "resize" {
  for_each = local.resizes

  name        = "${var.name}-${each.key}"
  region      = var.region
  description = "${each.value.size} nodes in pool ${var.name}, once"
  schedule    = formatdate("m h D M *", each.value.at)
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://compute.googleapis.com/compute/v1/projects/${google_compute_instance_group_manager.this.project}/zones/${local.zone}/instanceGroupManagers/${google_compute_instance_group_manager.this.name}/resize?size=${each.value.size}"

    oauth_token {
      service_account_email = var.scheduler_service_account
      scope                 = "https://www.googleapis.com/auth/compute"
    }
  }
}
