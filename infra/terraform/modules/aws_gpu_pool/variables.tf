variable "name" {
  description = "Name of the pool: of every resource in it, unique in the account. At most 30 characters, so that one name serves both clouds."
  type        = string

  validation {
    condition     = can(regex("^[a-z](?:[-a-z0-9]{0,28}[a-z0-9])?$", var.name))
    error_message = "name must be 1 to 30 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "region" {
  description = "Region of the pool, like us-east-1."
  type        = string
  nullable    = false
}

variable "zone" {
  description = "Zone ID (use1-az4: the same place in every account; preferred) or zone name (us-east-1a: this account's). Null: the first zone of the region that offers the machine."
  type        = string
  default     = null

  validation {
    condition     = var.zone == null || can(regex("^[a-z0-9]+-az[0-9]+$", var.zone)) || try(startswith(var.zone, var.region), false)
    error_message = "zone must be a zone ID like use1-az4, or the name of a zone in the region like us-east-1a."
  }
}

variable "machine" {
  description = "Instance type, one whose network interfaces this module knows."
  type        = string

  validation {
    condition     = contains(["p3dn.24xlarge", "p4d.24xlarge", "p4de.24xlarge", "p5.4xlarge", "p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge", "p6-b200.48xlarge", "p6-b300.48xlarge"], var.machine)
    error_message = "machine must be an instance type whose EFA interfaces this module knows: see local.cards in main.tf."
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
  description = "How the nodes are had: on_demand; spot; capacity_block (a Capacity Block for ML that you have bought); reservation (an On-Demand Capacity Reservation that you hold)."
  type        = string

  validation {
    condition     = contains(["on_demand", "spot", "capacity_block", "reservation"], var.market)
    error_message = "market must be on_demand, spot, capacity_block or reservation. Reserved Instances and Savings Plans are discounts on on_demand, not a way to launch."
  }
}

variable "capacity_reservation_id" {
  description = "ID (cr-...) of the Capacity Block or capacity reservation to launch into. This module never buys one: blocks are prepaid and cannot be returned."
  type        = string
  default     = null

  validation {
    condition     = var.capacity_reservation_id == null || can(regex("^cr-[0-9a-f]+$", var.capacity_reservation_id))
    error_message = "capacity_reservation_id must be an ID like cr-0123456789abcdef0."
  }

  validation {
    condition     = contains(["capacity_block", "reservation"], var.market) == (var.capacity_reservation_id != null)
    error_message = "capacity_reservation_id is needed for market capacity_block and reservation, and for no other."
  }
}

variable "windows" {
  description = "When the nodes run: from start to end, RFC 3339 in UTC. Outside the windows the pool has no nodes."
  type        = list(object({ start = string, end = string }))

  validation {
    condition     = length(var.windows) > 0 && alltrue([for w in var.windows : can(timecmp(w.start, w.end)) && timecmp(w.start, w.end) < 0])
    error_message = "windows must hold at least one pair of RFC 3339 moments, each start before its end."
  }
}

variable "now" {
  description = "The moment that windows are compared with, RFC 3339. Null: when the plan is made. Set it to see the plan of another moment."
  type        = string
  default     = null
}

variable "spot_max_usd_per_hour" {
  description = "Highest spot price per node-hour. Null: up to the on-demand price, which interrupts least."
  type        = number
  default     = null
}

variable "efa_layout" {
  description = "A: the first card carries IP and EFA in one interface, the others EFA only. B: the first card has an interface for IP and one for EFA. p6-b300 always has its first card for IP alone."
  type        = string
  default     = "A"

  validation {
    condition     = contains(["A", "B"], var.efa_layout)
    error_message = "efa_layout must be A or B."
  }
}

variable "network" {
  description = "An existing VPC and a private subnet in it with a way out (for images and SSM). Null: the module makes its own. The subnet must lie in the zone of the capacity."
  type        = object({ vpc_id = string, subnet_id = string })
  default     = null
}

variable "vpc_cidr" {
  description = "Addresses of the module's own VPC; its first half is the private subnet."
  type        = string
  default     = "10.42.0.0/20"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 1, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be an IPv4 range of /24 or larger, like 10.42.0.0/20."
  }
}

variable "enable_nat" {
  description = "Whether the module's own network has a NAT gateway, billed by the hour as long as it stands. Without one, nodes reach S3 alone."
  type        = bool
  default     = true
}

variable "image_id" {
  description = "Image of the nodes: an AMI ID (pin one for runs that must be repeatable), or resolve:ssm: and the name of a public parameter."
  type        = string
  default     = "resolve:ssm:/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id"
}

variable "root_volume_gib" {
  description = "Size of each node's encrypted root volume. Scratch is the machine's own NVMe (/opt/dlami/nvme)."
  type        = number
  default     = 500
}

variable "kms_key_id" {
  description = "ARN of the KMS key for root volumes and file system. Null: the account's AWS managed keys."
  type        = string
  default     = null
}

variable "user_data" {
  description = "Script that a node runs at its first start. It is kept in the state: never put a secret into it, fetch secrets with the node's role."
  type        = string
  default     = null
}

variable "bucket_arns" {
  description = "S3 buckets (ARNs) that the nodes may read and write: datasets and checkpoints. Empty: none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.bucket_arns : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", arn))])
    error_message = "bucket_arns must be bucket ARNs like arn:aws:s3:::my-checkpoints, without a path."
  }
}

variable "fsx" {
  description = "An FSx for Lustre file system beside the nodes. Null (default): none. It is billed by the hour until it is destroyed, used or not."
  type        = object({ capacity_gib = number, mbyte_per_second_per_tib = optional(number, 250) })
  default     = null

  validation {
    condition     = var.fsx == null || try(var.fsx.capacity_gib == 1200 || var.fsx.capacity_gib % 2400 == 0, false)
    error_message = "fsx.capacity_gib must be 1200 or a multiple of 2400."
  }

  validation {
    condition     = var.fsx == null || try(contains([125, 250, 500, 1000], var.fsx.mbyte_per_second_per_tib), false)
    error_message = "fsx.mbyte_per_second_per_tib must be 125, 250, 500 or 1000."
  }
}

variable "tags" {
  description = "Tags of every resource, instance, volume and interface: plan, job, cost-center, pool, and your own."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.tags : length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags: keys of at most 128 characters that do not begin with aws:, values of at most 256."
  }
}
