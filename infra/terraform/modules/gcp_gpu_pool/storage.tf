resource "google_filestore_instance" "this" {
  count = var.filestore == null ? 0 : 1

  name     = var.name
  location = local.zone
  tier     = "ZONAL"
  labels   = local.labels

  file_shares {
    name        = "training"
    capacity_gb = var.filestore.capacity_gib
  }

  networks {
    network = google_compute_network.primary.id
    modes   = ["MODE_IPV4"]
  }
}
