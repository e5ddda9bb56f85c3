"""What of a configuration each worker gets: limits that it keeps by itself are divided between all of them.

Limits of members hold for all together by the scoreboard.
"""

from __future__ import annotations

import os

import attrs

from ...config import model


def number(workers: int | str) -> int:
    """How many processes ``workers`` means; "auto": as many as this one may use processors."""
    if isinstance(workers, int):
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def part(config: model.Config, index: int, workers: int) -> model.Config:
    """The configuration of one worker: without the doors for operators, which are the supervisor's.

    :param index: which one it is, from 0.
    """
    websockets = config.websockets
    return attrs.evolve(
        config,
        admin=None,
        control=None,
        listener={
            name: attrs.evolve(one, max_connections=_part(one.max_connections, index, workers))
            for name, one in config.listener.items()
        },
        balancer={name: _balancer(one, workers) for name, one in config.balancer.items()},
        websockets=attrs.evolve(
            websockets,
            max_open=_part(websockets.max_open, index, workers),
            close_rate=max(websockets.close_rate / workers, 1.0),
        ),
    )


def _part(limit: int | None, index: int, workers: int) -> int | None:
    """A worker's part of a limit; together they are the limit, if that is not less than one for each."""
    if limit is None:
        return None
    return max(limit // workers + (index < limit % workers), 1)


def _balancer(config: model.Balancer, workers: int) -> model.Balancer:
    return attrs.evolve(
        config,
        websocket_rate=config.websocket_rate / workers,
        websocket_burst=max(config.websocket_burst // workers, 1),
        member=[
            attrs.evolve(
                one,
                websocket_rate=None if one.websocket_rate is None else one.websocket_rate / workers,
                websocket_burst=None
                if one.websocket_burst is None
                else max(one.websocket_burst // workers, 1),
            )
            for one in config.member
        ],
    )
