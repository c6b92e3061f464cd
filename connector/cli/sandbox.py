"""`connector sandbox`: both services simulated behind a proxy of their own, on the machine's clock."""

import shlex
import tempfile
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.assemble import StopSign
from connector.cli.session import Session
from connector.cli.stopping import stoppable
from connector.errors import ConfigError, Stopped
from connector.sandbox.clock import SystemClock
from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.faults import FaultPlanError, Faults, load_plan
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.keys import KeyFileError, private_key_in
from connector.sandbox.objects import OBJECTS
from connector.sandbox.proxy import SandboxProxy
from connector.sandbox.salesforce import SalesforceSim, User

PAST_DAYS = 3
FUTURE_DAYS = 4
"""Conversations show as their time comes: for so long every hour brings new ones."""

PER_DAY = 2000

SETTINGS = {
    "GENESYS_REGION": "mypurecloud.ie",
    "GENESYS_CLIENT_ID": "demo-client",
    "GENESYS_CLIENT_SECRET": "demo-secret",
    "SALESFORCE_DOMAIN": "acme.my",
    "SALESFORCE_CLIENT_ID": "sf-client",
    "SALESFORCE_CLIENT_SECRET": "sf-secret",
}
"""What leads to the simulated services: the logins they know unless told otherwise."""

USERNAME = "integration@acme.example"
USERS = {USERNAME: User("sf-password", "sfToken")}
KEY_FILE = "salesforce.key"
"""In the folder of the sandbox: whose certificate the simulated app has."""


def run_sandbox(session: Session, port: int, plan: str | None, folder: str | None) -> int:
    """Answer for both services until a signal comes. Raises ConfigError for a plan, folder or port that cannot work."""
    stop = StopSign()
    wait = session.seams(stop, lambda progress: None).sleep
    with ExitStack() as stack:
        place = Path(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="connector-sandbox-"))).absolute()
        first, proxy = _started(stack, place, port, plan)
        environment = {**proxy.environment(), **SETTINGS}
        by_key = {"SALESFORCE_USERNAME": USERNAME, "SALESFORCE_PRIVATE_KEY_FILE": str(place / KEY_FILE)}
        document = {
            "proxy": proxy.url,
            "folder": place,
            "first_day": f"{first:%Y-%m-%d}",
            "environment": environment,
            "instead_of_client_secret": by_key,
        }
        session.show(document, *_told(environment, by_key, f"{first:%Y-%m-%d}", proxy.url))
        session.out.file.flush()
        stack.enter_context(stoppable(stop, lambda text: None))
        try:
            while True:
                wait(3600)
        except Stopped:
            session.note("the sandbox is over")
    return 0


def _started(stack: ExitStack, place: Path, port: int, plan: str | None) -> tuple[datetime, SandboxProxy]:
    clock = SystemClock()
    first = (clock.now() - timedelta(days=PAST_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = PAST_DAYS + FUTURE_DAYS
    try:
        faults = load_plan(plan) if plan else Faults()
        place.mkdir(parents=True, exist_ok=True)
        certificates = {SETTINGS["SALESFORCE_CLIENT_ID"]: private_key_in(place / KEY_FILE)}
        genesys = GenesysSim(ContactCentre(7, first, days, conversations=days * PER_DAY).world(), clock, faults=faults)
        salesforce = SalesforceSim(
            place / "salesforce.db", OBJECTS, clock, certificates=certificates, users=USERS, faults=faults
        )
        stack.enter_context(closing(salesforce))
        hosts: dict[str, Any] = {
            **dict.fromkeys(genesys.hosts, genesys),
            **dict.fromkeys(salesforce.hosts, salesforce),
        }
        return first, stack.enter_context(SandboxProxy(hosts.get, place, port))
    except FaultPlanError as error:
        raise ConfigError(str(error), "see docs/sandbox.md for what a plan may hold") from error
    except ImportError as error:
        raise ConfigError(str(error)) from error
    except KeyFileError as error:
        raise ConfigError(str(error), "move that file away, or name another --folder") from error
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"the sandbox cannot begin: {error}", "another --port, or a --folder that can be written"
        ) from error


def _told(environment: dict[str, str], by_key: dict[str, str], first_day: str, url: str) -> list[str]:
    return [
        f"Both services answer at {url} until Ctrl-C. In the shell where connector is to use them:\n",
        *(f"export {name}={shlex.quote(value)}" for name, value in environment.items()),
        "\nTo log in to Salesforce by private key instead of the secret:\n",
        "unset SALESFORCE_CLIENT_SECRET",
        *(f"export {name}={shlex.quote(value)}" for name, value in by_key.items()),
        f"\nThe simulated days begin on {first_day}: set window.start of the mappings to it.",
    ]
