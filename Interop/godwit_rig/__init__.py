"""Starts a broker (Godwit, or the reference server it is measured against) and talks to it.

The pieces: ``settings`` says what a test wants from a server and renders it for each one,
``brokers`` starts and stops processes, ``certificates`` makes a throw-away authority, ``wire``
is a socket with deadlines, ``nats_wire`` speaks NATS by the line, ``plugin`` is pytest's side.
"""

from godwit_rig.brokers import Broker, BrokerPool, target
from godwit_rig.nats_wire import Delivery, NATSWire, hpub, pub
from godwit_rig.settings import Permissions, Settings, User, server_config
from godwit_rig.wire import Closed, DeadlinePassed, Wire

__all__ = [
    "Broker",
    "BrokerPool",
    "Closed",
    "DeadlinePassed",
    "Delivery",
    "NATSWire",
    "Permissions",
    "Settings",
    "User",
    "Wire",
    "hpub",
    "pub",
    "server_config",
    "target",
]
