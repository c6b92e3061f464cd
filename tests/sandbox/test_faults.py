"""A fault plan does what it says, and says what is wrong with it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from connector.sandbox.clock import SimulatedClock, SystemClock
from connector.sandbox.faults import (
    ConnectionDropped,
    FaultPlanError,
    Faults,
    Rule,
    answer_with_faults,
    load_plan,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def request(method="GET", path="/", **more) -> Request:
    return EnvironBuilder(method=method, path=path, **more).get_request()


def query(page: int) -> Request:
    return request("POST", "/api/v2/details/query", json={"paging": {"pageNumber": page}, "order": "asc"})


def served(faults: Faults, clock=None, body='{"a": 1}'):
    """One request to a service that notes that it acted and with which rules."""
    acted: list[tuple[Rule, ...]] = []

    def act(rules):
        acted.append(rules)
        return Response(body, content_type="application/json")

    try:
        answer = answer_with_faults(faults, "genesys", request(), clock or SimulatedClock(NOON), act)
    except ConnectionDropped as drop:
        return drop, acted
    return answer, acted


def test_rule_matches_on_service_method_path_page_and_body():
    rule = Rule("x", service="genesys", method="post", path="/details/query$", page=3, body={"order": "asc"})
    assert rule.matches("genesys", query(3))
    assert not rule.matches("salesforce", query(3))
    assert not rule.matches("genesys", query(2))
    assert not rule.matches("genesys", request("POST", "/details/query", json={"pageNumber": 3}))
    assert not rule.matches("genesys", request("GET", "/details/query?pageNumber=3"))
    assert not Rule("x", method="POST").matches("genesys", request("GET"))
    assert Rule("x", page=[3, 4]).matches("genesys", request(path="/?pageNumber=3"))
    assert Rule("x", page=3).matches("genesys", request("POST", json={"pageNumber": 3}))
    assert not Rule("x", page=3).matches("genesys", request("POST", data="not json"))


def test_numbers_count_only_matching_requests_and_times_ends_a_rule():
    faults = Faults([Rule("second", path="a", nth=2), Rule("odd", path="a", nth=[1, 3]), Rule("once", times=1)])
    acting = [
        [rule.action for rule in faults.matching("genesys", request(path=path))]
        for path in ("/b", "/a", "/a", "/b", "/a")
    ]
    assert acting == [["once"], ["odd"], ["second"], [], ["odd"]]
    assert faults.acted() == (1, 2, 1)


def test_match_gives_the_first_acting_rule():
    first, second = Rule("first", nth=1), Rule("second")
    faults = Faults([first, second])
    assert [faults.match("salesforce", request()) for _ in range(2)] == [first, second]
    assert Faults().match("genesys", request()) is None


def test_refused_request_never_reaches_the_service():
    drop, acted = served(Faults([Rule("refuse")]))
    assert isinstance(drop, ConnectionDropped)
    assert (drop.acted, acted) == (False, [])


def test_lost_answer_comes_after_the_service_acted():
    drop, acted = served(Faults([Rule("lose_answer")]))
    assert isinstance(drop, ConnectionDropped)
    assert (drop.acted, acted) == (True, [()])


@pytest.mark.parametrize(
    ("arguments", "kind", "body"),
    [
        ({"code": 503, "json": {"code": "service.unavailable"}}, "application/json", b'{"code":"service.unavailable"}'),
        ({"code": 503, "text": "later"}, "text/plain; charset=utf-8", b"later"),
        ({"code": 503, "html": "<p>later"}, "text/html; charset=utf-8", b"<p>later"),
        ({"code": 503}, "text/plain; charset=utf-8", b""),
    ],
)
def test_stated_status_is_answered_instead_of_the_service(arguments, kind, body):
    rule = Rule("status", {**arguments, "headers": {"Retry-After": 7}})
    answer, acted = served(Faults([rule]))
    assert (answer.status_code, answer.content_type, answer.get_data()) == (503, kind, body)
    assert answer.headers["Retry-After"] == "7"
    assert acted == []


def test_html_is_a_proxy_page():
    answer, acted = served(Faults([Rule("html")]))
    assert (answer.status_code, answer.mimetype, acted) == (502, "text/html", [])
    assert b"502 Bad Gateway" in answer.get_data()


def test_cut_body_loses_its_tail():
    answer, _ = served(Faults([Rule("cut_body", {"keep": 0.25})]))
    assert answer.get_data() == b'{"'


def test_delay_lets_time_pass_and_the_service_act():
    clock = SimulatedClock(NOON)
    answer, acted = served(Faults([Rule("delay", {"seconds": 40}), Rule("own")]), clock)
    assert clock.now() == NOON + timedelta(seconds=40)
    assert (answer.status_code, [rule.action for rule in acted[0]]) == (200, ["own"])


def test_plan_is_read_from_yaml_and_json(tmp_path):
    rule = Rule("status", {"code": 429}, service="genesys", path="/x", nth=[1, 2], page=3)
    yaml_plan = tmp_path / "plan.yml"
    yaml_plan.write_text(
        "- {service: genesys, path: /x, nth: [1, 2], page: 3, action: status, arguments: {code: 429}}\n"
    )
    json_plan = tmp_path / "plan.json"
    given = {"service": "genesys", "path": "/x", "nth": [1, 2], "page": 3, "action": "status"}
    json_plan.write_text(json.dumps([{**given, "arguments": {"code": 429}}]))
    assert load_plan(yaml_plan).rules == (rule,)
    assert load_plan(json_plan).rules == (rule,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: b", "a fault plan is a list of rules"),
        ("- [", "cannot be read"),
        ("- refuse", "rule 1: must be a mapping"),
        ("- {path: x}", "rule 1: 'action' is missing"),
        ("- {action: refuse, pth: x}", "rule 1: unknown pth"),
        ("- {action: status}", r"status needs arguments: \{code"),
        ("- {action: delay, arguments: {seconds: soon}}", "delay needs arguments"),
        ("- {action: refuse, path: '('}", "path is not a regular expression"),
        ("- {action: refuse, nth: 0}", "nth must be a number from 1"),
        ("- {action: refuse, page: two}", "page must be a number from 1"),
        ("- {action: refuse, times: 0}", "times must be a number from 1"),
        ("- {action: refuse}\n- {action: refuse, service: sales}\n- {action: status}", r"rule 2: .*rule 3: "),
    ],
)
def test_bad_plan_gets_one_message_with_every_place(tmp_path, text, complaint):
    plan = tmp_path / "plan.yml"
    plan.write_text(text)
    with pytest.raises(FaultPlanError, match=rf"(?s)plan\.yml: .*{complaint}"):
        load_plan(plan)


def test_missing_plan_is_a_plan_error(tmp_path):
    with pytest.raises(FaultPlanError, match="cannot be read"):
        load_plan(tmp_path / "none.yml")


def test_unknown_action_of_a_service_is_refused():
    faults = Faults([Rule("empty_pgae", service="genesys"), Rule("other", service="salesforce"), Rule("html")])
    with pytest.raises(FaultPlanError, match="genesys knows no action empty_pgae"):
        faults.check_actions("genesys", {"empty_page"})


def test_simulated_clock_moves_only_when_told():
    clock = SimulatedClock(NOON, tick=2)
    assert [clock.now(), clock.now()] == [NOON, NOON + timedelta(seconds=2)]
    clock.sleep(6)
    assert clock.now() == NOON + timedelta(seconds=10)
    clock.set(NOON)
    assert clock.now() == NOON
    with pytest.raises(ValueError, match="backwards"):
        clock.sleep(-1)
    with pytest.raises(ValueError, match="no time zone"):
        clock.set(datetime(2026, 3, 2))


def test_system_clock_is_aware_utc():
    assert SystemClock().now().tzinfo is UTC
