"""Scenarios on real servers: two Tomcats under ``/panopticon`` behind a balancer that runs as a process of its own.

Every scenario is written against "a balancer at this address".  That is panolb, unless the environment says
``PANOLB_REAL_PEER=apache``: then it is Apache httpd with the configuration of the Panopticon guide, which shows that
a scenario itself is right.  What is known to fail there says so (``@pytest.mark.apache_fails("reason")``) and is
skipped; with ``PANOLB_REAL_KNOWN_FAULTS=run`` such a scenario runs all the same and has to fail.
``PANOLB_REAL_PEER=httpd-conf`` is panolb again, with the file that Apache gets.

Without Tomcat or Apache on the machine these tests are skipped; ``PANOLB_REQUIRE_REAL=1`` makes that a failure.
"""
