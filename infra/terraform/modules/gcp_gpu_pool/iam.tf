resource "google_service_account" "node" {
  account_id   = var.name
  display_name = "Nodes of pool ${var.name}"
}

resource "google_project_iam_member" "node" {
  for_each = toset(["roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/artifactregistry.reader"])

  project = google_service_account.node.project
  role    = each.value
  member  = "serviceAccount:${google_service_account.node.email}"
}

resource "google_storage_bucket_iam_member" "node" {
  for_each = var.buckets

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${google_service_account.node.email}"
}
