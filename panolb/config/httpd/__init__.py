"""Reads what an Apache operator has: an ``httpd.conf`` becomes the same checked, frozen Config as a TOML file."""
