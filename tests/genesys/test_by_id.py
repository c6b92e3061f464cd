"""Records asked for by id: as many at once as the service takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connector.errors import MalformedAnswer, PermissionMissing, QueryRefused, RefusedSpan
from connector.genesys.by_id import IdReader
from connector.genesys.client import Answer
from connector.genesys.queries import ById

CALL = ById("/details", "id", 8, "conversationId", "conversationEnd")


class Service:
    """Takes at most `most` ids and refuses every call that holds a `bad` one. asked: how many each time."""

    def __init__(self, most: int = 100, bad: Sequence[str] = (), refusal: Exception | None = None) -> None:
        self.most = most
        self.bad = bad
        self.refusal = refusal or RefusedSpan("400")
        self.asked: list[int] = []
        self.body: dict[str, Any] | None = None

    def call(self, method: str, path: str, *, params: Mapping[str, str] | None = None, permission: str = "") -> Answer:
        assert (method, path, permission, params and set(params)) == ("GET", "/details", "view", {"id"})
        ids = (params or {})["id"].split(",")
        self.asked.append(len(ids))
        if len(ids) > self.most or set(ids) & set(self.bad):
            raise self.refusal
        given = {"conversations": [{"conversationId": one} for one in ids]}
        return Answer(given if self.body is None else self.body, {}, 0)


def read(service: Service, count: int) -> list[str]:
    """All of `count` ids, as a pass asks for them; the ids that were answered."""
    reader = IdReader(service, CALL, "conversations", "view")
    left = [f"c{number}" for number in range(count)]
    answered: list[str] = []
    while left:
        asked = left[: reader.size]
        found = reader.fetch(asked)
        if found is not None:
            answered += [one["conversationId"] for one in found]
            left = left[len(asked) :]
    return answered


def test_records_come_with_their_facts():
    reader = IdReader(Service(), CALL, "conversations", "view")
    assert reader.fetch(["c0"]) == [{"conversationId": "c0", "is_open": True}]


def test_fewer_are_asked_for_until_the_service_takes_them():
    service = Service(most=3)
    assert read(service, 10) == [f"c{number}" for number in range(10)]
    assert service.asked == [8, 4, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("refusal", [RefusedSpan("400"), QueryRefused("404")])
def test_an_id_that_is_refused_by_itself_gives_nothing_and_costs_the_others_nothing(refusal: Exception):
    service = Service(bad=["c2"], refusal=refusal)
    assert read(service, 9) == [f"c{number}" for number in range(9) if number != 2]
    assert service.asked == [8, 4, 2, 2, 1, 6]


def test_a_missing_permission_is_no_matter_of_single_ids():
    with pytest.raises(PermissionMissing):
        read(Service(most=0, refusal=PermissionMissing("403")), 3)


@pytest.mark.parametrize("body", [{}, {"conversations": None}])
def test_a_missing_list_is_no_record(body: dict[str, Any]):
    service = Service()
    service.body = body
    assert read(service, 3) == []


@pytest.mark.parametrize("listed", [7, ["c0"], {"conversationId": "c0"}])
def test_an_answer_of_another_shape_is_told(listed: Any):
    service = Service()
    service.body = {"conversations": listed}
    with pytest.raises(MalformedAnswer, match="no list of objects"):
        read(service, 3)
