resource "aws_fsx_lustre_file_system" "this" {
  count = var.fsx == null ? 0 : 1

  region                      = var.region
  deployment_type             = "PERSISTENT_2"
  storage_type                = "SSD"
  storage_capacity            = var.fsx.capacity_gib
  per_unit_storage_throughput = var.fsx.mbyte_per_second_per_tib
  data_compression_type       = "LZ4"
  kms_key_id                  = var.kms_key_id
  subnet_ids                  = [local.subnet_id]
  security_group_ids          = [aws_security_group.node.id]
  tags                        = local.tags

  metadata_configuration {
    mode = "AUTOMATIC"
  }
}
