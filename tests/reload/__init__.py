"""Reloads under load: a real panolb, real members, users whose every byte is looked at, and dozens of configurations.

``make reload`` runs it at length, the tests in small.  No request may be lost, no user moved whose member stays, and no
WebSocket of such a member may end; those of members that are removed are told to come again.
"""
