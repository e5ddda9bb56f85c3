"""Bytes that nobody would send: everything that panolb parses, fed with them by the thousand, in one process.

A target (`tests.fuzz.targets`) takes any bytes and raises an AssertionError when what must always hold did not.
`make fuzz` runs on until it is stopped; the tests here have a fixed budget.
"""
