# The rented part of a plan: a module per pool, and a budget per cloud. This file is the same for every plan; what a
# plan rents stands in plan.auto.tfvars.json, what only you know in a file of your own.

locals {
  has_aws = contains(var.clouds, "aws")
  has_gcp = contains(var.clouds, "gcp")

  # A pool on held capacity waits until its reservation is given: without it, it would be rented at another price.
  aws_ready = { for name, p in var.aws_pools : name => p if p.reservation == null || try(contains(keys(var.reservations), p.reservation), false) }
  gcp_ready = { for name, p in var.gcp_pools : name => p if p.reservation == null || try(contains(keys(var.reservations), p.reservation), false) }
  waiting = merge(
    { for name, p in var.aws_pools : name => p.reservation if !contains(keys(local.aws_ready), name) },
    { for name, p in var.gcp_pools : name => p.reservation if !contains(keys(local.gcp_ready), name) },
  )

  # How nodes are launched. Reserved Instances, Savings Plans and committed use are discounts on the bill.
  launched_as = {
    on_demand      = "on_demand"
    spot           = "spot"
    flex_start     = "flex_start"
    capacity_block = "capacity_block"
    reserved_1y    = "on_demand"
    reserved_3y    = "on_demand"
    savings_plan   = "on_demand"
  }
}

# A cloud that the plan does not use needs no credentials: its provider is given words that no cloud would accept.
provider "aws" {
  region                      = var.aws_region
  access_key                  = local.has_aws ? null : "unused"
  secret_key                  = local.has_aws ? null : "unused"
  skip_credentials_validation = !local.has_aws
  skip_requesting_account_id  = !local.has_aws
  skip_metadata_api_check     = local.has_aws ? null : "true"

  default_tags {
    tags = merge(var.extra_tags, { plan = var.plan.recommendation })
  }
}

provider "google" {
  project        = local.has_gcp ? var.gcp_project : "unused"
  access_token   = local.has_gcp ? null : "unused"
  default_labels = var.extra_labels
}

module "aws_pool" {
  source   = "./modules/aws_gpu_pool"
  for_each = local.aws_ready

  name                    = each.key
  region                  = each.value.region
  zone                    = lookup(var.zones, each.key, each.value.zone)
  machine                 = each.value.machine
  nodes                   = each.value.nodes
  market                  = each.value.market == "commitment" ? var.reservations[each.value.reservation].kind : local.launched_as[each.value.market]
  capacity_reservation_id = each.value.reservation == null ? null : var.reservations[each.value.reservation].id
  windows                 = each.value.windows
  now                     = var.now
  network                 = lookup(var.aws_networks, each.key, null)
  image_id                = coalesce(var.aws_image_id, "resolve:ssm:/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id")
  bucket_arns             = var.aws_bucket_arns
  fsx                     = lookup(var.aws_fsx, each.key, null)
  tags                    = merge(var.extra_tags, each.value.tags)
}

module "gcp_pool" {
  source   = "./modules/gcp_gpu_pool"
  for_each = local.gcp_ready

  name                      = each.key
  region                    = each.value.region
  zone                      = lookup(var.zones, each.key, each.value.zone)
  machine                   = each.value.machine
  nodes                     = each.value.nodes
  market                    = each.value.market == "commitment" ? var.reservations[each.value.reservation].kind : local.launched_as[each.value.market]
  reservation               = each.value.reservation == null ? null : var.reservations[each.value.reservation].id
  run_hours                 = each.value.run_hours
  windows                   = each.value.windows
  now                       = var.now
  scheduler_service_account = var.gcp_scheduler_service_account
  enable_iap_ssh            = var.gcp_enable_iap_ssh
  image                     = coalesce(var.gcp_image, "projects/ubuntu-os-accelerator-images/global/images/family/ubuntu-accelerator-2404-amd64-with-nvidia-580")
  buckets                   = var.gcp_buckets
  filestore                 = lookup(var.gcp_filestore, each.key, null)
  labels                    = merge(var.extra_labels, each.value.labels)
}

resource "aws_budgets_budget" "plan" {
  count = var.budgets.aws == null ? 0 : 1

  name              = "training-plan-${var.plan.recommendation}"
  budget_type       = "COST"
  time_unit         = "MONTHLY"
  limit_amount      = format("%.1f", ceil(var.budgets.aws.monthly_limit_usd))
  limit_unit        = "USD"
  time_period_start = formatdate("YYYY-MM-'01_00:00'", var.budgets.aws.start)
  time_period_end   = formatdate("YYYY-MM-DD'_00:00'", var.budgets.aws.end)

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:plan$%s", var.plan.recommendation)]
  }

  dynamic "notification" {
    for_each = length(var.budget_alert_emails) == 0 ? [] : [
      { type = "ACTUAL", percent = 80 },
      { type = "ACTUAL", percent = 100 },
      { type = "FORECASTED", percent = 100 },
    ]

    content {
      notification_type          = notification.value.type
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.budget_alert_emails
    }
  }
}

resource "aws_ce_cost_allocation_tag" "plan" {
  for_each = toset(var.activate_cost_allocation_tags && local.has_aws ? ["plan", "job", "cost-center", "pool"] : [])

  tag_key = each.value
  status  = "Active"
}

resource "google_billing_budget" "plan" {
  count = var.budgets.gcp == null || var.gcp_billing_account == null ? 0 : 1

  billing_account = var.gcp_billing_account
  display_name    = "training plan ${var.plan.recommendation}"

  amount {
    specified_amount {
      currency_code = "USD"
      units         = tostring(ceil(var.budgets.gcp.limit_usd))
    }
  }

  budget_filter {
    projects = var.gcp_project == null ? null : ["projects/${var.gcp_project}"]
    labels   = { plan = one(distinct([for p in var.gcp_pools : p.labels["plan"]])) }

    custom_period {
      start_date {
        year  = tonumber(formatdate("YYYY", var.budgets.gcp.start))
        month = tonumber(formatdate("M", var.budgets.gcp.start))
        day   = tonumber(formatdate("D", var.budgets.gcp.start))
      }

      end_date {
        year  = tonumber(formatdate("YYYY", var.budgets.gcp.end))
        month = tonumber(formatdate("M", var.budgets.gcp.end))
        day   = tonumber(formatdate("D", var.budgets.gcp.end))
      }
    }
  }

  threshold_rules {
    threshold_percent = 0.8
  }

  threshold_rules {
    threshold_percent = 1.0
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }
}

check "reservations_are_given" {
  assert {
    condition     = length(local.waiting) == 0
    error_message = "These pools wait for the capacity that you hold, and nothing of them is made: ${join(", ", [for name, key in local.waiting : "${name} (reservations[\"${key}\"])"])}. Give reservations = { \"KEY\" = { id = \"...\", kind = \"capacity_block\" or \"reservation\" } }."
  }
}

check "somebody_is_told" {
  assert {
    condition     = var.budgets.aws == null || length(var.budget_alert_emails) > 0
    error_message = "Nobody is told when the AWS budget is spent: give budget_alert_emails."
  }

  assert {
    condition     = var.budgets.gcp == null || var.gcp_billing_account != null
    error_message = "No Google Cloud budget is made: give gcp_billing_account."
  }
}
