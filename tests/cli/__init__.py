"""The ``panolb`` command in a process of its own, beside a running panolb."""
