"""Genesys Cloud simulated: login, analytics and look-ups as one WSGI application over a `World`."""

from connector.sandbox.genesys.sim import Call, GenesysSim

__all__ = ["Call", "GenesysSim"]
