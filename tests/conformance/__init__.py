"""The Autobahn test suite against an echo server, alone and behind both lanes of panolb: ``make conformance``."""
