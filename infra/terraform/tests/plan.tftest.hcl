# What the root makes of a plan's file, without an account: terraform test

mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { efa_maximum_interfaces = 32 }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/pool" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/pool" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

mock_provider "google" {
  mock_resource "google_compute_network" {
    defaults = { project = "training" }
  }
}

variables {
  plan   = { recommendation = "rec_0123456789abcdef", name = "q1", start = "2030-01-01T00:00:00Z", end = "2030-02-03T00:00:00Z" }
  clouds = ["aws", "gcp"]
  now    = "2029-12-24T00:00:00Z"
  aws_pools = {
    pretrain-000001 = {
      job         = "pretrain"
      region      = "us-east-1"
      zone        = "use1-az4"
      machine     = "p5.48xlarge"
      nodes       = 4
      market      = "savings_plan"
      windows     = [{ start = "2030-01-02T00:00:00Z", end = "2030-01-03T00:00:00Z" }]
      planned_usd = 4649.78
      tags        = { plan = "rec_0123456789abcdef", job = "pretrain" }
    }
    pretrain-000002 = {
      job         = "pretrain"
      region      = "us-east-2"
      zone        = "use2-az1"
      machine     = "p5.48xlarge"
      nodes       = 2
      market      = "commitment"
      reservation = "block-1"
      windows     = [{ start = "2030-01-02T00:00:00Z", end = "2030-01-03T00:00:00Z" }]
      planned_usd = 0
      tags        = { plan = "rec_0123456789abcdef", job = "pretrain" }
    }
  }
  gcp_pools = {
    tune-000003 = {
      job         = "tune"
      region      = "us-central1"
      zone        = "us-central1-a"
      machine     = "a3-megagpu-8g"
      nodes       = 2
      market      = "spot"
      windows     = [{ start = "2030-02-02T00:00:00Z", end = "2030-02-03T00:00:00Z" }]
      planned_usd = 1000.5
      labels      = { plan = "rec_0123456789abcdef", job = "tune" }
    }
  }
  budgets = {
    aws = { monthly_limit_usd = 4649.78, start = "2030-01-02T00:00:00Z", end = "2030-02-01T00:00:00Z" }
    gcp = { limit_usd = 1000.5, start = "2030-02-02T00:00:00Z", end = "2030-02-03T00:00:00Z" }
  }
  reservations        = { "block-1" = { id = "cr-0123456789abcdef0", kind = "capacity_block" } }
  budget_alert_emails = ["ml-platform@example.com"]
  gcp_project         = "training"
  gcp_billing_account = "012345-6789AB-CDEF01"
}

run "every_pool_is_made_in_its_region" {
  command = plan

  assert {
    condition     = keys(module.aws_pool) == ["pretrain-000001", "pretrain-000002"] && keys(module.gcp_pool) == ["tune-000003"]
    error_message = "One module instance per pool."
  }
  assert {
    condition     = output.waiting_pools == {}
    error_message = "Nothing waits where every reservation is given."
  }
  assert {
    condition     = output.apply_again_at == { tune-000003 = ["2030-02-02T00:00:00Z"] }
    error_message = "Without a scheduler a Google Cloud window needs an apply."
  }
}

run "budgets_count_what_carries_the_plan" {
  command = plan

  assert {
    condition     = aws_budgets_budget.plan[0].limit_amount == "4650.0" && aws_budgets_budget.plan[0].time_period_start == "2030-01-01_00:00" && aws_budgets_budget.plan[0].time_period_end == "2030-02-01_00:00"
    error_message = "The AWS budget is the dearest month, rounded up to whole dollars."
  }
  assert {
    condition     = tolist(tolist(aws_budgets_budget.plan[0].cost_filter)[0].values) == tolist(["user:plan$rec_0123456789abcdef"]) && length(aws_budgets_budget.plan[0].notification) == 3
    error_message = "It counts what is tagged with the plan, and tells at three points."
  }
  assert {
    condition     = google_billing_budget.plan[0].amount[0].specified_amount[0].units == "1001" && google_billing_budget.plan[0].budget_filter[0].custom_period[0].end_date[0].day == 3
    error_message = "The Google Cloud budget is the whole period, rounded up to whole dollars."
  }
}

run "a_pool_waits_for_its_reservation" {
  command = plan
  variables {
    reservations = {}
  }

  assert {
    condition     = keys(module.aws_pool) == ["pretrain-000001"] && output.waiting_pools == { pretrain-000002 = "block-1" }
    error_message = "Nothing is made of a pool whose capacity is not named."
  }
  expect_failures = [check.reservations_are_given]
}

run "a_budget_that_nobody_hears_of_is_said" {
  command = plan
  variables {
    budget_alert_emails = []
    gcp_billing_account = null
  }

  assert {
    condition     = length(google_billing_budget.plan) == 0
    error_message = "Without a billing account there is no Google Cloud budget."
  }
  expect_failures = [check.somebody_is_told]
}

run "nothing_rented_makes_nothing" {
  command = plan
  variables {
    clouds    = []
    aws_pools = {}
    gcp_pools = {}
    budgets   = {}
  }

  assert {
    condition     = length(module.aws_pool) + length(module.gcp_pool) + length(aws_budgets_budget.plan) + length(google_billing_budget.plan) == 0
    error_message = "A plan that rents nothing makes nothing."
  }
}

run "pools_need_their_cloud" {
  command = plan
  variables {
    clouds = []
  }
  expect_failures = [var.aws_pools, var.gcp_pools]
}

run "other_clouds_are_refused" {
  command = plan
  variables {
    clouds = ["aws", "gcp", "azure"]
  }
  expect_failures = [var.clouds]
}

run "a_zone_is_of_a_pool" {
  command = plan
  variables {
    zones = { somewhere = "use1-az1" }
  }
  expect_failures = [var.zones]
}

run "tags_can_be_activated_for_billing" {
  command = plan
  variables {
    activate_cost_allocation_tags = true
  }

  assert {
    condition     = keys(aws_ce_cost_allocation_tag.plan) == ["cost-center", "job", "plan", "pool"]
    error_message = "The four tags that cost reports are cut by."
  }
}
