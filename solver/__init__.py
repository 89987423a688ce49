"""Integers in, integers out: the optimisation problem, its engine and its checker."""
