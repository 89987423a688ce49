# Written by the plan: plan.auto.tfvars.json

variable "plan" {
  description = "The recommendation that this folder stands for."
  type        = object({ recommendation = string, name = string, start = string, end = string })

  validation {
    condition     = can(regex("^rec_[0-9A-Za-z]+$", var.plan.recommendation))
    error_message = "plan.recommendation must be an id like rec_0123456789abcdef."
  }
}

variable "clouds" {
  description = "Clouds whose credentials are at hand: aws, gcp. A cloud that is not named is never asked. Take one out only after its pools are destroyed."
  type        = set(string)

  validation {
    condition     = length(setsubtract(var.clouds, ["aws", "gcp"])) == 0
    error_message = "clouds may hold aws and gcp."
  }
}

variable "aws_pools" {
  description = "Pools rented from AWS by name: a job on one machine type in one place with a fixed node count. market is the plan's way to pay; reservation is a key of var.reservations."
  type = map(object({
    job         = string
    region      = string
    zone        = optional(string)
    machine     = string
    nodes       = number
    market      = string
    reservation = optional(string)
    windows     = list(object({ start = string, end = string }))
    planned_usd = number
    tags        = map(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for p in var.aws_pools : contains(["on_demand", "spot", "capacity_block", "commitment", "reserved_1y", "reserved_3y", "savings_plan"], p.market)])
    error_message = "aws_pools: market must be on_demand, spot, capacity_block, commitment, reserved_1y, reserved_3y or savings_plan."
  }

  validation {
    condition     = alltrue([for p in var.aws_pools : contains(["capacity_block", "commitment"], p.market) == (p.reservation != null)])
    error_message = "aws_pools: reservation is needed for market capacity_block and commitment, and for no other."
  }

  validation {
    condition     = length(var.aws_pools) == 0 || contains(var.clouds, "aws")
    error_message = "aws_pools holds pools, so clouds must hold aws."
  }
}

variable "gcp_pools" {
  description = "Pools rented from Google Cloud by name, as aws_pools; run_hours is the longest that flex-start nodes run."
  type = map(object({
    job         = string
    region      = string
    zone        = optional(string)
    machine     = string
    nodes       = number
    market      = string
    reservation = optional(string)
    run_hours   = optional(number)
    windows     = list(object({ start = string, end = string }))
    planned_usd = number
    labels      = map(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for p in var.gcp_pools : contains(["on_demand", "spot", "flex_start", "capacity_block", "commitment", "reserved_1y", "reserved_3y"], p.market)])
    error_message = "gcp_pools: market must be on_demand, spot, flex_start, capacity_block, commitment, reserved_1y or reserved_3y."
  }

  validation {
    condition     = alltrue([for p in var.gcp_pools : contains(["capacity_block", "commitment"], p.market) == (p.reservation != null)])
    error_message = "gcp_pools: reservation is needed for market capacity_block and commitment, and for no other."
  }

  validation {
    condition     = length(var.gcp_pools) == 0 || contains(var.clouds, "gcp")
    error_message = "gcp_pools holds pools, so clouds must hold gcp."
  }
}

variable "budgets" {
  description = "What the plan's nodes are to cost per cloud, in whole USD: on AWS the dearest calendar month (UTC), on Google Cloud the whole period. A cloud without costs has none."
  type = object({
    aws = optional(object({ monthly_limit_usd = number, start = string, end = string }))
    gcp = optional(object({ limit_usd = number, start = string, end = string }))
  })
  default = {}
}

# Given by you: a file of your own, like site.auto.tfvars.json

variable "reservations" {
  description = "Capacity that you hold, by the key that pools name: id is cr-... on AWS and the reservation's name on Google Cloud; kind capacity_block is an AWS Capacity Block or a reservation in calendar mode. A pool whose reservation is not given waits: nothing of it is made."
  type        = map(object({ id = string, kind = optional(string, "reservation") }))
  default     = {}

  validation {
    condition     = alltrue([for r in var.reservations : contains(["reservation", "capacity_block"], r.kind)])
    error_message = "reservations: kind must be reservation or capacity_block."
  }
}

variable "zones" {
  description = "Zones by pool, where the plan's price holds for a whole region and you know where the capacity is (a quota, a reservation)."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.zones), concat(keys(var.aws_pools), keys(var.gcp_pools)))) == 0
    error_message = "zones names a pool that is not in this plan."
  }
}

variable "extra_tags" {
  description = "Tags of your own on everything in AWS, like owner, project, environment."
  type        = map(string)
  default     = {}
}

variable "extra_labels" {
  description = "Labels of your own on everything in Google Cloud: lowercase letters, digits, underscores, hyphens."
  type        = map(string)
  default     = {}
}

variable "budget_alert_emails" {
  description = "Who is told by AWS when 80 % and 100 % of a month's budget are spent, or 100 % are forecast. Google Cloud tells the billing account's administrators."
  type        = set(string)
  default     = []
}

variable "activate_cost_allocation_tags" {
  description = "Whether to activate the tags plan, job, cost-center and pool for billing. Only in the payer account, and only once AWS has seen the tags (a day after the first apply); until then the AWS budget counts nothing."
  type        = bool
  default     = false
}

variable "aws_region" {
  description = "Region that the AWS provider starts from; every pool names its own."
  type        = string
  default     = "us-east-1"
}

variable "aws_networks" {
  description = "Existing networks by AWS pool. A pool without one gets a VPC of its own, with a NAT gateway."
  type        = map(object({ vpc_id = string, subnet_id = string }))
  default     = {}
}

variable "aws_image_id" {
  description = "Image of AWS nodes. Null: AWS's current deep learning image."
  type        = string
  default     = null
}

variable "aws_bucket_arns" {
  description = "S3 buckets that AWS nodes may read and write."
  type        = list(string)
  default     = []
}

variable "aws_fsx" {
  description = "FSx for Lustre by AWS pool. Not in the plan's total: billed by the hour until destroyed."
  type        = map(object({ capacity_gib = number, mbyte_per_second_per_tib = optional(number, 250) }))
  default     = {}
}

variable "gcp_project" {
  description = "Google Cloud project. Null: the environment's (GOOGLE_PROJECT)."
  type        = string
  default     = null
}

variable "gcp_billing_account" {
  description = "Billing account of the Google Cloud budget, like 012345-6789AB-CDEF01, in USD. Null: no budget is made there."
  type        = string
  default     = null
}

variable "gcp_scheduler_service_account" {
  description = "Service account that Cloud Scheduler resizes Google Cloud pools as, at the start and end of each window. Null: apply at the start of a window; nodes end by themselves."
  type        = string
  default     = null
}

variable "gcp_enable_iap_ssh" {
  description = "Whether SSH to Google Cloud nodes is let in from Identity-Aware Proxy. Off: no port is open."
  type        = bool
  default     = false
}

variable "gcp_image" {
  description = "Image of Google Cloud nodes. Null: Google's current accelerator image."
  type        = string
  default     = null
}

variable "gcp_buckets" {
  description = "Cloud Storage buckets that Google Cloud nodes may read and write."
  type        = set(string)
  default     = []
}

variable "gcp_filestore" {
  description = "Filestore by Google Cloud pool. Not in the plan's total: billed by the hour until destroyed."
  type        = map(object({ capacity_gib = number }))
  default     = {}
}

variable "now" {
  description = "The moment that windows are compared with, RFC 3339. Null: when Terraform plans."
  type        = string
  default     = null
}
