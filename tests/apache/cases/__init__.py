"""The tables of cases, by what they are about.

A case's id is that of the catalogue of Apache's behaviour: S sticky sessions, L states and load balancing, F failures,
H health checks, W WebSockets, M mapping and headers, C configurations, X what the catalogue tells without a case.
"""

NOT_APPLICABLE = {
    "B1-B11": "the balancer-manager and what BalancerPersist keeps of it: panolb's status page changes nothing",
    "B12": "counters shared by several child processes: panolb is one process",
    "W14": "a graceful restart: panolb does not read its configuration again while it runs",
    "W17": "a thread for each tunnel: panolb has no threads for them",
}
"""Cases of the catalogue that are about something panolb does not have, and what."""
