"""User status aggregates: presences and routing statuses of a contact centre's users."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.conversations import milliseconds
from connector.sandbox.directory import Directory
from connector.sandbox.faults import Faults, Rule
from connector.sandbox.genesys.user_aggregates import USER_METRICS
from connector.sandbox.presences import ROUTING_STATUSES, SYSTEM_PRESENCES, Stretch, stretches
from connector.sandbox.world import World

PATH = "/analytics/users/aggregates/query"
DAY = "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z"


def ask(client, **more):
    return client.post(PATH, {"interval": DAY, "metrics": ["tSystemPresence"], "groupBy": ["userId"], **more})


def only(*user_ids):
    predicates = [{"type": "dimension", "dimension": "userId", "value": user_id} for user_id in user_ids]
    return {"type": "or", "predicates": predicates}


def sums(answer, metric):
    """{user: {(start, end) in ms: {qualifier: ms}}}"""
    found = {}
    for result in answer.json()["results"]:
        for data in result["data"]:
            bounds = tuple(milliseconds(one) for one in data["interval"].split("/"))
            for one in data["metrics"]:
                assert set(one) == {"metric", "qualifier", "stats"}
                assert set(one["stats"]) == {"sum"}
                if one["metric"] == metric:
                    buckets = found.setdefault(result["group"]["userId"], {})
                    buckets.setdefault(bounds, {})[one["qualifier"]] = one["stats"]["sum"]
    return found


@pytest.fixture
def known(centre):
    """Users that have a past: all but the inactive ones, also the deleted one."""
    inactive = {user["id"] for user in centre.directory.users if user["state"] == "inactive"}
    return set(centre.directory.user_ids) - inactive


def test_users_of_a_division_taken_from_the_client_are_not_shown(serve):
    centre = ContactCentre(seed=1, start=datetime.fromisoformat("2026-03-02T00:00:00Z"), days=1, conversations=1)
    world = World((), centre.directory)
    (home, *_) = centre.directory.divisions
    world.take_division(home["id"], centre.start)
    # Of the deleted user nobody knows the division.
    assert set(sums(ask(serve(world)), "tSystemPresence")) == {centre.directory.user_ids[-1]}


def test_presences_of_every_interval_add_up_to_its_length(serve, busy_world, known):
    answer = ask(serve(busy_world), granularity="PT30M", metrics=list(USER_METRICS))
    for metric in ("tSystemPresence", "tOrganizationPresence"):
        found = sums(answer, metric)
        assert set(found) == known
        for buckets in found.values():
            assert len(buckets) == 48
            assert all(sum(one.values()) == end - start for (start, end), one in buckets.items())


def test_routing_status_is_known_only_on_queue(serve, busy_world):
    answer = ask(serve(busy_world), granularity="PT1H", metrics=list(USER_METRICS))
    presences, statuses = sums(answer, "tSystemPresence"), sums(answer, "tAgentRoutingStatus")
    seen = Counter()
    for user, buckets in presences.items():
        for bounds, presence in buckets.items():
            status = statuses.get(user, {}).get(bounds, {})
            assert sum(status.values()) == presence.get("ON_QUEUE", 0)
            seen.update(status)
            seen.update({name: 1 for name in presence})
    assert set(seen) == {*SYSTEM_PRESENCES, *ROUTING_STATUSES}


def test_organization_presences_belong_to_the_system_presence_they_are_mapped_to(serve, busy_world):
    answer = ask(serve(busy_world), metrics=list(USER_METRICS))
    mapping = answer.json()["systemToOrganizationMappings"]
    assert set(mapping) == set(SYSTEM_PRESENCES)
    assert {len(ids) for ids in mapping.values()} == {1, 2}
    system_of = {identity: system for system, ids in mapping.items() for identity in ids}
    presences, organization = sums(answer, "tSystemPresence"), sums(answer, "tOrganizationPresence")
    for user, buckets in organization.items():
        for bounds, found in buckets.items():
            joined = Counter()
            for identity, length in found.items():
                joined[system_of[identity]] += length
            assert joined == presences[user][bounds]


def test_users_days_are_the_same_however_they_are_cut(serve, busy_world, centre):
    client = serve(busy_world)
    users = centre.directory.user_ids[:3]
    whole = sums(ask(client, filter=only(*users)), "tSystemPresence")
    cut = sums(ask(client, granularity="PT7M", filter=only(*users)), "tSystemPresence")
    assert list(whole) == sorted(users)
    for user, buckets in cut.items():
        joined = Counter()
        for found in buckets.values():
            joined.update(found)
        assert [joined] == list(whole[user].values())


def test_days_follow_the_wall_clock_of_the_zone(serve, busy_world, centre):
    answer = ask(
        serve(busy_world),
        interval="2026-03-01T23:00:00Z/2026-03-03T23:00:00Z",
        granularity="P1D",
        timeZone="Europe/Berlin",
        filter=only(centre.directory.user_ids[0]),
    )
    assert [data["interval"] for data in answer.json()["results"][0]["data"]] == [
        "2026-03-01T23:00:00.000Z/2026-03-02T23:00:00.000Z",
        "2026-03-02T23:00:00.000Z/2026-03-03T23:00:00.000Z",
    ]


def test_what_lies_ahead_contributes_nothing(serve, busy_world, centre, clock, monday):
    clock.set(monday + timedelta(hours=9, minutes=20))
    client = serve(busy_world)
    user = centre.directory.user_ids[0]
    found = sums(ask(client, granularity="PT1H", filter=only(user)), "tSystemPresence")[user]
    assert [sum(one.values()) for one in found.values()] == [3_600_000] * 9 + [1_200_000]
    for earlier in (0, 1, 30 * 3_600):
        clock.set(monday - timedelta(seconds=earlier))
        assert "results" not in ask(client).json()
        assert "results" not in ask(client, interval="2026-03-02T02:00:00Z/2026-03-03T00:00:00Z").json()


def test_without_grouping_all_users_are_added_up(serve, busy_world, known):
    answer = ask(serve(busy_world), groupBy=[])
    assert [result["group"] for result in answer.json()["results"]] == [{}]
    metrics = answer.json()["results"][0]["data"][0]["metrics"]
    assert sum(one["stats"]["sum"] for one in metrics) == len(known) * 86_400_000


def test_same_seed_gives_the_same_days_and_users_differ(monday):
    def days(seed, number):
        directory = ContactCentre(seed, monday, 1).directory
        begins = milliseconds(monday)
        return [
            (one.start, one.end, one.system)
            for one in stretches(directory, directory.user_ids[number], begins, begins + 7 * 86_400_000)
        ]

    assert days(1, 0) == days(1, 0)
    assert len({str(days(*which)) for which in ((1, 0), (1, 1), (2, 0))}) == 3


def test_stretches_have_no_hole_and_are_cut_at_both_ends(centre, monday):
    begins = milliseconds(monday) + 9 * 3_600_000
    ends = begins + 30 * 3_600_000
    found = list(stretches(centre.directory, centre.directory.user_ids[0], begins, ends))
    assert [found[0].start, *(one.end for one in found)] == [*(one.start for one in found), ends]
    assert found[0].start == begins
    assert all(isinstance(one, Stretch) and one.start < one.end for one in found)
    assert list(stretches(centre.directory, "unknown", begins, ends)) == []
    night = begins - 7 * 3_600_000
    assert list(stretches(centre.directory, centre.directory.user_ids[0], night, night - 1)) == []


def test_organisation_without_users_has_no_results_but_its_presences(serve):
    answer = ask(serve(World([], Directory.empty()))).json()
    assert list(answer) == ["systemToOrganizationMappings"]


def test_at_most_100_users_can_be_named(serve, busy_world):
    client = serve(busy_world)
    assert ask(client, filter=only(*map(str, range(100)))).status_code == 200
    clauses = {"type": "and", "clauses": [only(*map(str, range(60))), only(*map(str, range(41)))]}
    answers = [ask(client, filter=only(*map(str, range(101)))), ask(client, filter=clauses)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "max.user.ids")] * 2


@pytest.mark.parametrize(
    "more",
    [
        {"metrics": ["tHandle"]},
        {"metrics": []},
        {"groupBy": ["queueId"]},
        {"filter": {"type": "and", "predicates": [{"dimension": "queueId", "value": "q1"}]}},
        {"granularity": "1h"},
        {"interval": "P1D"},
        {"interval": "2020-01-01T00:00:00Z/2026-01-01T00:00:00Z"},
        {"views": []},
    ],
)
def test_query_the_service_does_not_take_is_400(serve, busy_world, more):
    assert ask(serve(busy_world), **more).status_code == 400


def test_user_aggregates_need_their_own_permission_and_meet_faults(serve, busy_world):
    client = serve(busy_world, faults=Faults([Rule("null_list", path="users/aggregates", nth=1)]))
    assert ask(client).json()["results"] is None
    client.sim.withdraw("analytics:conversationAggregate:view")
    assert ask(client).status_code == 200
    client.sim.withdraw("analytics:userAggregate:view")
    assert ask(client).status_code == 403


def test_clock_between_milliseconds_does_not_matter(serve, busy_world, clock):
    clock.set(datetime.fromisoformat("2026-03-02T09:20:00.000999Z"))
    metrics = ask(serve(busy_world)).json()["results"][0]["data"][0]["metrics"]
    assert sum(one["stats"]["sum"] for one in metrics) == 9 * 3_600_000 + 1_200_000
