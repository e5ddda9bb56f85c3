"""The control plane: builds, watches and reports; it may be slow, log and use Deferreds."""
