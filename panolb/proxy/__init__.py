"""The data plane: moves bytes, decides nothing.

Hot code.  It receives built objects, talks to `panolb.core.exchange` in facts and orders, and makes neither a log call
nor a Deferred for a request on a kept connection.
"""
