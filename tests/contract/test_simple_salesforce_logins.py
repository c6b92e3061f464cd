"""simple-salesforce itself logs in to the simulated organisation, each way it knows, and is refused each way too."""

import warnings

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed

from connector.sandbox.adapter import WsgiAdapter
from connector.sandbox.clock import SystemClock
from connector.sandbox.objects import OBJECTS
from connector.sandbox.salesforce import SalesforceSim

KEY = rsa.generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
NAMED = {"username": "integration@acme.example", "password": "sf-password", "security_token": "sfToken"}
SIGNED = {"username": "integration@acme.example", "consumer_key": "sf-client", "privatekey": PRIVATE}
WAYS = {
    "client credentials": {"consumer_key": "sf-client", "consumer_secret": "sf-secret", "domain": "acme.my"},
    "private key": {**SIGNED, "domain": "login", "instance_url": "acme.my"},
    "password": {**NAMED, "domain": "acme.my"},
}


@pytest.fixture
def sim():
    """On the real clock: the library signs by it."""
    with SalesforceSim(":memory:", OBJECTS, SystemClock(), certificates={"sf-client": PUBLIC}) as made:
        yield made


@pytest.fixture
def session(sim):
    with requests.Session() as made:
        made.trust_env = False
        made.mount("https://", WsgiAdapter(dict.fromkeys(sim.hosts, sim).get))
        yield made


def log_in(session, version="64.0", **ways) -> Salesforce:
    return Salesforce(**ways, session=session, version=version)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leads_to_the_org(session, way):
    sf = log_in(session, **WAYS[way])
    assert sf.sf_instance == "acme.my.salesforce.com"
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_a_ready_token_leads_to_the_org(session, sim):
    sf = log_in(session, session_id=sim.issue_token(), instance_url="https://acme.my.salesforce.com")
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_the_library_alone_names_the_my_domain_as_audience_which_is_refused(session):
    with pytest.raises(SalesforceAuthenticationFailed, match="audience is invalid"):
        log_in(session, **SIGNED, domain="acme.my")


def test_soap_logins_end_before_version_65(session):
    with pytest.raises(SalesforceAuthenticationFailed, match="UNSUPPORTED_API_VERSION"):
        log_in(session, "65.0", **WAYS["password"])


def test_refusals_are_understood(session, sim):
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        log_in(session, **{**WAYS["password"], "password": "wrong"})
    sim.switch_off_soap_login()
    with pytest.raises(SalesforceAuthenticationFailed, match=r"INVALID_OPERATION.*SOAP API login"):
        log_in(session, **WAYS["password"])
    sim.withdraw_approval()
    with warnings.catch_warnings(), pytest.raises(SalesforceAuthenticationFailed, match="hasn't approved"):
        warnings.simplefilter("ignore")
        log_in(session, **WAYS["private key"])
    sim.remove_run_as_user()
    with pytest.raises(SalesforceAuthenticationFailed, match="no client credentials user"):
        log_in(session, **WAYS["client credentials"])
