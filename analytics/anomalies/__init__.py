"""Anomaly flags on costs, prices and metrics: causal, and with words beside the score."""
