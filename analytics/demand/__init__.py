"""Demand: how many instances a group will need, from its own metrics."""
