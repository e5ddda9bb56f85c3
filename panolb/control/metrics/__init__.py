"""What Prometheus is told: counted while requests end, and put together when it asks.

There may be several processes that serve users, and there is one that answers ``/metrics``:

* Each process that serves users has a `Traffic <panolb.control.metrics.traffic.Traffic>`, whose ``export()`` is all
  that it has counted and holds, as plain data: dictionaries, tuples, lists, sets and numbers, which every pickle takes.
* The process that answers has a `House <panolb.control.metrics.house.House>`, whose ``export()`` is what there is once,
  however many serve: members' states, checks, configuration.
* `merged <panolb.control.metrics.sheet.merged>` adds up any number of exports, and the `MetricsPage
  <panolb.control.metrics.page.MetricsPage>` shows that.  It asks for a list of them, and waits if that is a Deferred;
  one process alone is a list of one.
* What is counted must not go backwards when a process ends, or Prometheus sees a jump: `Exports
  <panolb.control.metrics.exports.Exports>` holds on to what processes that are gone had counted, and shows of those
  that are late what they said last.

What must not be added up carries the label ``worker``: the lag of event loops, and the figures of processes.
"""
