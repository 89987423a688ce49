"""What GPU machines are and what they cost, each fact with its source and date."""
