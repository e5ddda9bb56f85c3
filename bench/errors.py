"""The one way in which a measurement fails."""


class BenchError(Exception):
    """What was being measured is not what it should be; the message names the peer and says what was seen.

    Numbers of a peer that answers wrongly mean nothing, so nothing is printed but this.
    """
