variable "name" {
  description = "Name of the pool: of every resource in it, unique in the project. 6 to 30 characters, because the nodes' service account bears it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.name))
    error_message = "name must be 6 to 30 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "region" {
  description = "Region of the pool, like us-central1."
  type        = string
  nullable    = false
}

variable "zone" {
  description = "Zone of the pool, like us-central1-a. Null: the first zone of the region that offers the machine."
  type        = string
  default     = null

  validation {
    condition     = var.zone == null || try(startswith(var.zone, "${var.region}-"), false)
    error_message = "zone must lie in the region, like us-central1-a in us-central1."
  }
}

variable "machine" {
  description = "Machine type, one whose network interfaces this module knows."
  type        = string

  validation {
    condition     = can(regex("^(a2-highgpu-[1248]g|a2-ultragpu-[1248]g|a2-megagpu-16g|a3-highgpu-[1248]g|a3-megagpu-8g|a3-ultragpu-8g|a4-highgpu-8g)$", var.machine))
    error_message = "machine must be an A2, A3 or A4 machine type whose interfaces this module knows: see local.fabrics in main.tf."
  }
}

variable "nodes" {
  description = "Nodes of the pool during its windows."
  type        = number

  validation {
    condition     = var.nodes >= 1 && floor(var.nodes) == var.nodes
    error_message = "nodes must be a whole number, at least 1."
  }
}

variable "market" {
  description = "How the nodes are had: on_demand; spot; flex_start (Dynamic Workload Scheduler); capacity_block (a reservation in calendar mode that you hold); reservation (another reservation that you hold)."
  type        = string

  validation {
    condition     = contains(["on_demand", "spot", "flex_start", "capacity_block", "reservation"], var.market)
    error_message = "market must be on_demand, spot, flex_start, capacity_block or reservation. Committed use is a discount on on_demand, not a way to launch."
  }
}

variable "reservation" {
  description = "Name of the reservation to launch into (projects/P/reservations/NAME for a shared one). This module never makes one: it is billed from the moment it exists."
  type        = string
  default     = null

  validation {
    condition     = contains(["capacity_block", "reservation"], var.market) == (var.reservation != null)
    error_message = "reservation is needed for market capacity_block and reservation, and for no other."
  }
}

variable "windows" {
  description = "When the nodes run: from start to end, RFC 3339 in UTC. Outside the windows the pool is to have no nodes."
  type        = list(object({ start = string, end = string }))

  validation {
    condition     = length(var.windows) > 0 && alltrue([for w in var.windows : can(timecmp(w.start, w.end)) && timecmp(w.start, w.end) < 0])
    error_message = "windows must hold at least one pair of RFC 3339 moments, each start before its end."
  }
}

variable "run_hours" {
  description = "Hours that flex-start nodes run at most, 1/6 to 168; Google takes them back afterwards. Other markets do not need it."
  type        = number
  default     = null

  validation {
    condition     = var.market != "flex_start" || try(var.run_hours * 3600 >= 600 && var.run_hours * 3600 <= 604800, false)
    error_message = "run_hours is needed for market flex_start: 10 minutes to 7 days."
  }
}

variable "now" {
  description = "The moment that windows are compared with, RFC 3339. Null: when the plan is made. Set it to see the plan of another moment."
  type        = string
  default     = null
}

variable "scheduler_service_account" {
  description = "E-mail of a service account that may resize instance groups (compute.instanceGroupManagers.get and .update): Cloud Scheduler starts and stops the nodes as it. Null: nodes start with the first apply inside a window, and stop by their termination time or with an apply after it."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "Addresses of the module's own networks: a sixteenth of it for each."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15)) && try(tonumber(split("/", var.vpc_cidr)[1]) <= 22, false)
    error_message = "vpc_cidr must be an IPv4 range of /22 or larger, like 10.42.0.0/16."
  }
}

variable "enable_nat" {
  description = "Whether the first network has Cloud NAT. Without it, nodes reach Google's own services alone."
  type        = bool
  default     = true
}

variable "enable_iap_ssh" {
  description = "Whether SSH is let in from Identity-Aware Proxy (35.235.240.0/20), for whom IAM allows it. Off: no port is open."
  type        = bool
  default     = false
}

variable "image" {
  description = "Image of the nodes, with the NVIDIA driver and, for A3 and A4, the fabric's host software. Pin an image instead of its family for runs that must be repeatable."
  type        = string
  default     = "projects/ubuntu-os-accelerator-images/global/images/family/ubuntu-accelerator-2404-amd64-with-nvidia-580"
}

variable "boot_disk_gib" {
  description = "Size of each node's boot disk. Scratch is the machine's own SSD."
  type        = number
  default     = 500
}

variable "kms_key" {
  description = "Cloud KMS key for boot disks. Null: Google's own keys; disks are encrypted either way."
  type        = string
  default     = null
}

variable "enable_secure_boot" {
  description = "Whether only signed kernel modules load. Off, because not every image has signed NVIDIA modules."
  type        = bool
  default     = false
}

variable "startup_script" {
  description = "Script that a node runs at its start. It is kept in the state: never put a secret into it, fetch secrets as the node's service account."
  type        = string
  default     = null
}

variable "buckets" {
  description = "Cloud Storage buckets (names) that the nodes may read and write: datasets and checkpoints. Empty: none."
  type        = set(string)
  default     = []
}

variable "filestore" {
  description = "A Filestore share beside the nodes. Null (default): none. It is billed by the hour until it is destroyed, used or not."
  type        = object({ capacity_gib = number })
  default     = null

  validation {
    condition     = var.filestore == null || try(var.filestore.capacity_gib >= 1024, false)
    error_message = "filestore.capacity_gib must be at least 1024."
  }
}

variable "labels" {
  description = "Labels of every resource, instance and disk: plan, job, cost-center, pool, and your own."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels: keys and values of at most 63 lowercase letters, digits, underscores and hyphens; a key begins with a letter."
  }
}
