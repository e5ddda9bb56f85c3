"""What tests of the running balancer need: a real process, members that do as they are told, a strict client."""
