"""panolb beside its peers on the same work: ``README.rst`` in this directory says how to run and read it."""
