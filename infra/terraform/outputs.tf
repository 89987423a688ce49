output "aws_pools" {
  description = "Job, planned cost, Auto Scaling group, network and coming starts of each AWS pool."
  value = { for name, pool in module.aws_pool : name => {
    job               = var.aws_pools[name].job
    planned_usd       = var.aws_pools[name].planned_usd
    autoscaling_group = pool.autoscaling_group_name
    subnet_id         = pool.subnet_id
    security_group_id = pool.security_group_id
    role              = pool.role_name
    file_system       = pool.file_system_dns_name
    starts            = pool.starts
  } }
}

output "gcp_pools" {
  description = "Job, planned cost, instance group, zone and scheduled resizes of each Google Cloud pool."
  value = { for name, pool in module.gcp_pool : name => {
    job                    = var.gcp_pools[name].job
    planned_usd            = var.gcp_pools[name].planned_usd
    instance_group_manager = pool.instance_group_manager
    zone                   = pool.zone
    service_account        = pool.service_account
    file_system            = pool.file_system_ip_addresses
    scheduled              = pool.scheduled
  } }
}

output "waiting_pools" {
  description = "Pools of which nothing is made yet, and the key of the reservation that each waits for."
  value       = local.waiting
}

output "apply_again_at" {
  description = "Starts of Google Cloud windows that need an apply inside them: flex-start pools, and all where no scheduler is given."
  value = { for name, p in local.gcp_ready : name => [for w in p.windows : w.start]
  if p.market == "flex_start" || var.gcp_scheduler_service_account == null }
}

output "budget_names" {
  description = "Budgets that watch this plan."
  value       = concat(aws_budgets_budget.plan[*].name, google_billing_budget.plan[*].display_name)
}
