# Eight H100 nodes in a Capacity Block that you have bought, for the time it lasts.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25, < 7.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "capacity_reservation_id" {
  description = "ID of the block."
  type        = string
}

module "pool" {
  source = "../../modules/aws_gpu_pool"

  name                    = "pretrain-block"
  region                  = "us-east-1"
  zone                    = "use1-az4"
  machine                 = "p5.48xlarge"
  nodes                   = 8
  market                  = "capacity_block"
  capacity_reservation_id = var.capacity_reservation_id
  windows                 = [{ start = "2030-01-07T11:30:00Z", end = "2030-01-14T11:00:00Z" }]
  bucket_arns             = ["arn:aws:s3:::example-checkpoints"]
  tags                    = { owner = "ml-platform", job = "pretrain", cost-center = "research" }
}

output "autoscaling_group_name" {
  description = "Group whose instances are the nodes."
  value       = module.pool.autoscaling_group_name
}
