output "autoscaling_group_name" {
  description = "Group whose instances are the nodes."
  value       = aws_autoscaling_group.this.name
}

output "launch_template_id" {
  description = "Template of the nodes."
  value       = aws_launch_template.this.id
}

output "subnet_id" {
  description = "Private subnet of the nodes."
  value       = one(aws_autoscaling_group.this.vpc_zone_identifier)
}

output "security_group_id" {
  description = "Security group of the nodes."
  value       = aws_security_group.node.id
}

output "role_name" {
  description = "Role of the nodes, to attach further policies to."
  value       = aws_iam_role.node.name
}

output "file_system_dns_name" {
  description = "Name to mount the Lustre file system by; null without one."
  value       = one(aws_fsx_lustre_file_system.this[*].dns_name)
}

output "starts" {
  description = "Starts that are still to come: key and moment."
  value       = { for key, action in aws_autoscaling_schedule.start : key => action.start_time }
}
