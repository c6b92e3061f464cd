"""`connector demo` and `connector sandbox`: the simulated services, from the command line."""

import os
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cli_lab import Cli

from connector.config import load_config
from connector.login_choice import Flow
from connector.salesforce.connect import Org
from connector.sandbox.clock import SystemClock
from connector.sandbox.objects import OBJECTS
from connector.sandbox.salesforce import SalesforceSim
from connector.transport import Transport

MakeCli = Callable[..., Cli]

STREAMS = ["conversations", "queue-intervals"]


def demo(cli: Cli, folder: Path, *options: str) -> Any:
    return cli("demo", "--folder", str(folder), "--conversations", "300", *options)


def books(sync: list[dict[str, Any]], *terms: str) -> dict[str, list[int]]:
    return {one["stream"]: [one["books"][term] for term in terms] for one in sync}


def rows(folder: Path) -> dict[str, int]:
    """How many records each object of the simulated org holds."""
    with SalesforceSim(folder / "salesforce.db", OBJECTS, SystemClock()) as org:
        return {one.name: len(org.rows(one.name)) for one in OBJECTS}


def test_demo_sends_everything_once_and_then_only_what_changed(make_cli: MakeCli, tmp_path: Path) -> None:
    said = demo(make_cli(), tmp_path / "demo", "--json")
    first, second = said.json["syncs"]
    assert (said.code, [one["stream"] for one in first], [one["stream"] for one in second]) == (0, STREAMS, STREAMS)
    assert {name: made == created > 0 for name, (made, created) in books(first, "made", "created").items()} == (
        dict.fromkeys(STREAMS, True)
    )
    for name, (made, unchanged, created, updated) in books(second, "made", "unchanged", "created", "updated").items():
        assert made == unchanged + created + updated, name
        assert unchanged > 0, name
    assert books(second, "created")["conversations"][0] > 0


def test_demo_shows_books_records_and_what_to_try_next(make_cli: MakeCli, tmp_path: Path) -> None:
    said = demo(make_cli(), tmp_path / "demo")
    assert said.code == 0
    for text in (
        "A contact centre of 3 days, until 2026-03-01 14:00 UTC: 300 conversations.",
        "First sync",
        "One more hour passes: ",
        "Second sync: only what changed is sent",
        "unchanged",
        "Conversations as Genesys Cloud tells them, and the records they became:",
        "its legs in Salesforce",
        f"  connector status --home {tmp_path}/demo",
    ):
        assert text in said.out, text


def test_demo_run_twice_begins_anew_and_gives_the_same(make_cli: MakeCli, tmp_path: Path) -> None:
    cli = make_cli()
    first = demo(cli, tmp_path / "demo", "--json").json
    again = demo(cli, tmp_path / "demo", "--json").json
    terms = ("pulled", "made", "unchanged", "created", "updated")
    assert [books(sync, *terms) for sync in again["syncs"]] == [books(sync, *terms) for sync in first["syncs"]]


@pytest.mark.parametrize(("dones", "syncs_left"), [(1, 2), (3, 1)], ids=["first sync", "second sync"])
def test_interrupted_demo_goes_on_and_ends_like_any_other(
    make_cli: MakeCli, tmp_path: Path, dones: int, syncs_left: int
) -> None:
    cli = make_cli()
    demo(cli, tmp_path / "whole", "--quiet")
    told: list[Any] = []

    def interrupt(progress: Any) -> None:
        told.append(progress.doing)
        if told.count("done") == dones and progress.doing == "pulling":
            os.kill(os.getpid(), signal.SIGINT)
            told.clear()

    cli.changed_seams["tell"] = interrupt
    stopped = demo(cli, tmp_path / "demo")
    cli.changed_seams.clear()
    resumed = demo(cli, tmp_path / "demo", "--json")
    assert (stopped.code, resumed.code, len(resumed.json["syncs"])) == (130, 0, syncs_left)
    assert "connector demo goes on from here" in stopped.err
    assert f"going on with the demo in {tmp_path}/demo" in resumed.err
    assert rows(tmp_path / "demo") == rows(tmp_path / "whole")


def test_status_of_a_demo_needs_no_settings(make_cli: MakeCli, tmp_path: Path) -> None:
    cli = make_cli()
    demo(cli, tmp_path / "demo", "--quiet")
    cli.environment.clear()
    said = cli("status", "--json", home=tmp_path / "demo")
    assert (said.code, [one["stream"] for one in said.json["streams"]]) == (0, STREAMS)


def test_demo_leaves_other_folders_alone(make_cli: MakeCli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    said = demo(make_cli(), tmp_path / "mine")
    assert (said.code, said.err) == (
        3,
        f"✗ {tmp_path}/mine holds other things\n  -> name another folder: connector demo --folder DIR\n",
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_sandbox_answers_for_the_real_hosts_until_it_is_stopped(make_cli: MakeCli, tmp_path: Path) -> None:
    cli = make_cli()
    answers: list[int] = []

    def look(seconds: float) -> None:
        proxy, ca_file = tmp_path / "sandbox" / "ca.pem", str(tmp_path / "sandbox" / "ca.pem")
        url = cli.capsys.readouterr().out.split("export HTTPS_PROXY=")[1].split()[0]
        answer = requests.post(
            "https://login.mypurecloud.ie/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("demo-client", "demo-secret"),
            proxies={"https": url},
            verify=ca_file,
            timeout=10,
        )
        answers.append(answer.status_code)
        assert proxy.exists()
        os.kill(os.getpid(), signal.SIGTERM)

    cli.changed_seams["sleep"] = look
    said = cli("sandbox", "--folder", str(tmp_path / "sandbox"))
    assert (said.code, answers, said.err) == (0, [200], "the sandbox is over\n")


def test_sandbox_takes_logins_by_the_key_it_makes(
    make_cli: MakeCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = make_cli()
    key = tmp_path / "sandbox" / "salesforce.key"
    orgs: list[str] = []

    def look(seconds: float) -> None:
        lines = [shlex.split(line) for line in cli.capsys.readouterr().out.splitlines()]
        said = dict(words[1].split("=", 1) for words in lines if words[:1] == ["export"])
        assert [said.pop(words[1], "") for words in lines if words[:1] == ["unset"]] == ["sf-secret"]
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        transport = Transport(now=lambda: datetime.now(UTC), sleep=time.sleep)
        with closing(transport):
            settings = load_config(tmp_path, said).salesforce
            assert settings.flow is Flow.PRIVATE_KEY
            orgs.append(Org(settings, transport).org_id)
        os.kill(os.getpid(), signal.SIGTERM)

    cli.changed_seams["sleep"] = look
    assert (cli("sandbox", "--folder", str(key.parent)).code, orgs) == (0, ["00Dak000000SbOxEAK"])


def test_sandbox_leaves_a_file_alone_that_is_no_key(make_cli: MakeCli, tmp_path: Path) -> None:
    (tmp_path / "salesforce.key").write_text("mine")
    said = make_cli()("sandbox", "--folder", str(tmp_path))
    assert (said.code, "holds no private key" in said.err) == (3, True)
    assert (tmp_path / "salesforce.key").read_text() == "mine"


@pytest.mark.parametrize(
    ("plan", "told"),
    [("- {action: explode, service: genesys}", "genesys knows no action explode"), ("{}", "a fault plan is a list")],
)
def test_sandbox_refuses_a_plan_it_cannot_act_out(make_cli: MakeCli, tmp_path: Path, plan: str, told: str) -> None:
    (tmp_path / "plan.yml").write_text(plan)
    said = make_cli()("sandbox", "--faults", str(tmp_path / "plan.yml"))
    assert (said.code, said.out) == (3, "")
    assert told in said.err
