"""The doors that a configuration wants for operators: the status page, the control socket, the control API over HTTP.

What stands behind one is imported when it is made, which takes its time: worker processes have none, nor has everybody else.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..config import controlendpoint, model
from .credentials import Credentials
from .doors import Wanted
from .surroundings import make_endpoint

if TYPE_CHECKING:
    from .admin.status import StatusPage
    from .controlhttp import ControlHttp
    from .controlsocket import ControlSocket
    from .metrics.page import MetricsPage
    from .service import Panolb

OVER_HTTP = "control over HTTP"


def wanted(house: Panolb, config: model.Config, credentials: Credentials) -> dict[str, Wanted]:
    """What is to be opened, by what each is called; nothing has been made yet.

    :param credentials: what the configuration's files have in them for the control API.
    """
    found: dict[str, Wanted] = {}
    if config.admin is not None:
        found["admin"] = Wanted(
            ("admin", "endpoint"), True, config.admin, partial(_status_page, house, config, config.admin)
        )
    if config.control is not None:
        path = config.control.socket
        # Opened when the process has changed to the user whose it is to be.
        found["control"] = Wanted(("control", "socket"), False, path, partial(_control_socket, house, path))
        if config.control.endpoint is not None:
            settings = config.control.endpoint, credentials.tls is not None
            make = partial(_control_http, house, config, config.control.endpoint, credentials)
            found[OVER_HTTP] = Wanted(("control", "endpoint"), True, settings, make)
    return found


def _status_page(house: Panolb, config: model.Config, admin: model.Admin) -> StatusPage:
    from .admin.status import StatusPage  # noqa: PLC0415

    endpoint = make_endpoint(house.reactor, config, admin.endpoint, ("admin", "endpoint"))
    return StatusPage(
        house.reactor,
        endpoint,
        admin.endpoint,
        house.operations,
        house.resources,
        _metrics(house),
        house.crew.look,
        house.crew.find,
    )


def _metrics(house: Panolb) -> MetricsPage:
    from .metrics.house import House  # noqa: PLC0415
    from .metrics.page import MetricsPage  # noqa: PLC0415

    own = House(house.plant, house.listening, house.operations, house.changes)
    return MetricsPage(house.reactor, own, house.crew.exports)


def _control_socket(house: Panolb, path: str) -> ControlSocket:
    from .controlsocket import ControlSocket  # noqa: PLC0415  # Windows cannot import it

    return ControlSocket(house.reactor, path, house.api.site(house.reactor))


def _control_http(house: Panolb, config: model.Config, written: str, credentials: Credentials) -> ControlHttp:
    from .controlhttp import ControlHttp  # noqa: PLC0415

    description = controlendpoint.parse(written).description
    endpoint = make_endpoint(house.reactor, config, description, ("control", "endpoint"))
    return ControlHttp(
        endpoint,
        description,
        house.api.site(house.reactor),
        credentials,
        partial(house.excesses.note, limit="token"),
    )
