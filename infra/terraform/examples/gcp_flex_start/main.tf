# Four H200 nodes from the Dynamic Workload Scheduler, all at once, for three days at most.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.46, < 9.0"
    }
  }
}

provider "google" {
  project = var.project
}

variable "project" {
  description = "Project of the nodes."
  type        = string
}

module "pool" {
  source = "../../modules/gcp_gpu_pool"

  name      = "tune-flex"
  region    = "us-central1"
  machine   = "a3-ultragpu-8g"
  nodes     = 4
  market    = "flex_start"
  run_hours = 72
  windows   = [{ start = "2026-01-01T00:00:00Z", end = "2030-01-01T00:00:00Z" }]
  labels    = { owner = "ml-platform", job = "tune", cost-center = "product" }
}

output "instance_group_manager" {
  description = "Managed instance group whose instances are the nodes."
  value       = module.pool.instance_group_manager
}
