"""What Prometheus is told: counted while requests end, and put together when it asks."""
