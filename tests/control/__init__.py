"""The control plane: checks, status page, access log and plugins through real processes, and its parts by themselves."""
