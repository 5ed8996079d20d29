"""What stands behind the ports: the one place that knows both the flows and the outside."""
