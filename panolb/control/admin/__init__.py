"""The operator's view: pages about the running balancer."""
