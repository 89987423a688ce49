output "instance_group_manager" {
  description = "Managed instance group whose instances are the nodes."
  value       = google_compute_instance_group_manager.this.self_link
}

output "zone" {
  description = "Zone of the nodes."
  value       = google_compute_instance_group_manager.this.zone
}

output "network" {
  description = "First network of the nodes."
  value       = google_compute_network.primary.id
}

output "service_account" {
  description = "Service account of the nodes, to grant further roles to."
  value       = google_service_account.node.email
}

output "file_system_ip_addresses" {
  description = "Addresses to mount the Filestore share from; empty without one."
  value       = flatten(google_filestore_instance.this[*].networks[0].ip_addresses)
}

output "scheduled" {
  description = "Resizes that Cloud Scheduler is to make: key and cron expression in UTC."
  value       = { for key, job in google_cloud_scheduler_job.resize : key => job.schedule }
}
