"""Re-solving under changes: other values, other prices, Pareto frontiers, break-even prices, buying nodes."""
