# Private by default: no public address, no open port; traffic among the nodes, and a way out through NAT.

locals {
  networks = { for i in range(local.fabric.gvnics) : "gpu-${i}" => cidrsubnet(var.vpc_cidr, 4, 1 + i) }
  rdma     = { for i in range(local.fabric.rdma) : "rdma-${i}" => cidrsubnet(var.vpc_cidr, 4, 1 + local.fabric.gvnics + i) }

  interfaces = concat(
    [{ network = google_compute_network.primary.id, subnetwork = google_compute_subnetwork.primary.id, nic_type = "GVNIC" }],
    [for key in sort(keys(local.networks)) : { network = google_compute_network.gpu[key].id, subnetwork = google_compute_subnetwork.gpu[key].id, nic_type = "GVNIC" }],
    [for key in sort(keys(local.rdma)) : { network = google_compute_network.rdma[0].id, subnetwork = google_compute_subnetwork.rdma[key].id, nic_type = "MRDMA" }],
  )
}

resource "google_compute_network" "primary" {
  name                    = var.name
  auto_create_subnetworks = false
  mtu                     = local.fabric.mtu
}

resource "google_compute_subnetwork" "primary" {
  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.primary.id
  ip_cidr_range            = cidrsubnet(var.vpc_cidr, 4, 0)
  private_ip_google_access = true
}

resource "google_compute_router" "this" {
  count = var.enable_nat ? 1 : 0

  name    = var.name
  region  = var.region
  network = google_compute_network.primary.id
}

resource "google_compute_router_nat" "this" {
  count = var.enable_nat ? 1 : 0

  name                               = var.name
  region                             = var.region
  router                             = google_compute_router.this[0].name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_compute_firewall" "peers" {
  name                    = "${var.name}-peers"
  network                 = google_compute_network.primary.id
  direction               = "INGRESS"
  source_ranges           = [google_compute_subnetwork.primary.ip_cidr_range]
  target_service_accounts = [google_service_account.node.email]

  allow {
    protocol = "all"
  }
}

resource "google_compute_firewall" "iap_ssh" {
  count = var.enable_iap_ssh ? 1 : 0

  name                    = "${var.name}-iap-ssh"
  network                 = google_compute_network.primary.id
  direction               = "INGRESS"
  source_ranges           = ["35.235.240.0/20"]
  target_service_accounts = [google_service_account.node.email]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

# GPUDirect-TCPX and TCPXO: an interface beside each pair of GPUs (or each GPU), every one in a network of its own.
resource "google_compute_network" "gpu" {
  for_each = local.networks

  name                    = "${var.name}-${each.key}"
  auto_create_subnetworks = false
  mtu                     = local.fabric.mtu
}

resource "google_compute_subnetwork" "gpu" {
  for_each = local.networks

  name          = "${var.name}-${each.key}"
  region        = var.region
  network       = google_compute_network.gpu[each.key].id
  ip_cidr_range = each.value
}

resource "google_compute_firewall" "gpu_peers" {
  for_each = local.networks

  name          = "${var.name}-${each.key}-peers"
  network       = google_compute_network.gpu[each.key].id
  direction     = "INGRESS"
  source_ranges = [each.value]

  allow {
    protocol = "all"
  }
}

# RDMA over Ethernet: one network with the zone's RDMA profile, a subnet for each interface.
resource "google_compute_network" "rdma" {
  count = local.fabric.rdma > 0 ? 1 : 0

  name                    = "${var.name}-rdma"
  auto_create_subnetworks = false
  mtu                     = local.fabric.mtu
  network_profile         = "projects/${google_compute_network.primary.project}/global/networkProfiles/${coalesce(local.zone, "${var.region}-a")}-vpc-roce"
}

resource "google_compute_subnetwork" "rdma" {
  for_each = local.rdma

  name          = "${var.name}-${each.key}"
  region        = var.region
  network       = google_compute_network.rdma[0].id
  ip_cidr_range = each.value
}
