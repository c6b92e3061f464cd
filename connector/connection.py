"""What went wrong between this machine and a service, in words an admin can act on."""

import socket
import ssl
from collections.abc import Iterator
from http.client import RemoteDisconnected
from typing import NamedTuple

from requests import exceptions as faults
from urllib3 import exceptions as raw_faults

from connector.masking import mask, shortened

NEXT_RUN = "nothing is lost, the next run goes on from here"


class Fault(NamedTuple):
    """A fault in words. is_lasting: a wrong setting looks like this. was_sent: the service may have the request."""

    text: str
    hint: str
    is_lasting: bool = False
    was_sent: bool = False


def describe_fault(fault: Exception) -> Fault | None:
    """In words, or None for a fault that is not the network's."""
    chain = tuple(_chain(fault))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    # First: once a tunnel stands, urllib3 tells a connection that breaks as the proxy's fault.
    if has(RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        return Fault("dropped the connection", NEXT_RUN, was_sent=True)
    if has(faults.ProxyError, faults.InvalidProxyURL, raw_faults.ProxyError):
        tunnel = next((str(link) for link in chain if str(link).startswith("Tunnel connection failed")), "")
        text = f"is not reached through the proxy{f' ({shortened(mask(tunnel))})' if tunnel else ''}"
        return Fault(text, "check HTTPS_PROXY and NO_PROXY", is_lasting=True)
    if has(ssl.SSLCertVerificationError):
        hint = "name the file with your company's CA certificates in REQUESTS_CA_BUNDLE"
        return Fault("shows a TLS certificate this machine does not trust", hint, is_lasting=True)
    if has(faults.SSLError, raw_faults.SSLError, ssl.SSLError):
        hint = "does a proxy or firewall break TLS open? Its CA belongs into REQUESTS_CA_BUNDLE"
        return Fault("does not agree on TLS with this machine", hint, is_lasting=True, was_sent=True)
    if has(raw_faults.NameResolutionError, raw_faults.LocationParseError, socket.gaierror):
        hint = "is the region or My Domain in .env right, and does this machine reach the internet or its HTTPS_PROXY?"
        return Fault("is a name that cannot be resolved", hint, is_lasting=True)
    if has(ConnectionRefusedError):
        return Fault("refuses the connection", "does a firewall or a missing HTTPS_PROXY stand in between?")
    if has(faults.ConnectTimeout, raw_faults.ConnectTimeoutError):
        return Fault("cannot be connected in time", "does a firewall or a missing HTTPS_PROXY stand in between?")
    if has(raw_faults.NewConnectionError):
        return Fault("cannot be connected", "is this machine on the network?")
    if has(faults.Timeout, raw_faults.TimeoutError, TimeoutError):
        return Fault("did not answer in time", NEXT_RUN, was_sent=True)
    if has(faults.ChunkedEncodingError, faults.ContentDecodingError, raw_faults.IncompleteRead, raw_faults.DecodeError):
        return Fault("broke its answer off, or sent it damaged", NEXT_RUN, was_sent=True)
    if has(faults.ConnectionError, ConnectionError, raw_faults.HTTPError):
        return Fault("dropped the connection", NEXT_RUN, was_sent=True)
    return None


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """The fault and those it was made of: requests and urllib3 keep them as arguments, reasons or causes."""
    waiting, met = [fault], set()
    while waiting:
        link = waiting.pop()
        if id(link) in met:
            continue
        met.add(id(link))
        yield link
        inner = (*link.args, getattr(link, "reason", None), link.__cause__, link.__context__)
        waiting.extend(one for one in inner if isinstance(one, BaseException))
