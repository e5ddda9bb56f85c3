"""Mixed traffic through a real panolb for as long as one likes, while its members are killed, frozen and drained.

``make soak`` runs it for ten minutes, the tests for a quarter of one.  Whatever fails must be explained by what was
done to a member just then, by the rules of `tests.soak.explaining`; anything else is a fault of panolb's.
"""
