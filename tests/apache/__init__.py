"""panolb beside a real Apache httpd, both run from the same ``httpd.conf``."""
