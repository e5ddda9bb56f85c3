"""Every directive that an ``httpd.conf`` may have, by module: data, and nothing else."""
