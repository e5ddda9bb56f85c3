"""The data plane of a real panolb process between a strict client and members that do as they are told."""
