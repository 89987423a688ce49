"""The plan document: read, validated, with every name resolved."""
