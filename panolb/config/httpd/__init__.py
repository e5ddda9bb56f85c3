"""Reads what an Apache operator has: an ``httpd.conf`` becomes the same checked, frozen Config as a TOML file.

Reading (`panolb.config.httpd.reading`) makes a tree of it, and says of every line what becomes of it.  Translation
(`panolb.config.httpd.translation`) makes the model; there is nothing about Apache behind it.
`panolb.config.httpd.loading` does both.
"""
