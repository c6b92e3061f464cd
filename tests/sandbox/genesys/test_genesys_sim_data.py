"""The data itself: what a contact centre holds, and how the world shows it over time."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connector.sandbox.contact_centre import ContactCentre, continue_world
from connector.sandbox.conversations import as_seen_at, instant, milliseconds, points, sessions
from connector.sandbox.world import World

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def conversations():
    return list(ContactCentre(seed=3, start=MONDAY, days=7, conversations=3000).whole_conversations())


def total(conversations):
    """Sum and count of each metric."""
    sums, counts = Counter(), Counter()
    for conversation in conversations:
        for point in points(conversation):
            sums[point.name] += point.value
            counts[point.name] += 1
    return sums, counts


def test_same_seed_gives_the_same_data_and_another_seed_other_data():
    first, again, other = (ContactCentre(seed=seed, start=MONDAY, days=2, conversations=50) for seed in (1, 1, 2))
    assert list(first.whole_conversations()) == list(again.whole_conversations())
    assert first.directory == again.directory
    assert list(first.whole_conversations()) != list(other.whole_conversations())


def test_as_many_conversations_as_asked_begin_within_the_days_in_order(conversations):
    starts = [milliseconds(one["conversationStart"]) for one in conversations]
    assert len({one["conversationId"] for one in conversations}) == 3000
    assert starts == sorted(starts)
    assert milliseconds(MONDAY) <= starts[0]
    assert starts[-1] < milliseconds(MONDAY + timedelta(days=7))


def test_days_are_busier_than_nights_and_week_ends(conversations):
    by_hour = Counter(one["conversationStart"][11:13] for one in conversations)
    by_day = Counter(one["conversationStart"][:10] for one in conversations)
    assert by_hour["10"] > 20 * max(1, by_hour["03"])
    assert by_day["2026-03-02"] > 2 * by_day["2026-03-07"]


def test_handling_time_is_the_sum_of_its_parts_in_every_session(conversations):
    for conversation in conversations:
        for _, session in sessions(conversation):
            sums = Counter()
            for metric in session["metrics"]:
                sums[metric["name"]] += metric["value"]
            parts = ("tContacting", "tDialing", "tTalkComplete", "tHeldComplete", "tAcw")
            assert sums["tHandle"] == sum(sums[part] for part in parts)
            assert sums["tTalk"] == sums["tTalkComplete"]
            assert sums["tHeld"] == sums["tHeldComplete"]


def test_every_wait_ends_answered_abandoned_or_flowed_out(conversations):
    sums, counts = total(conversations)
    assert sums["tWait"] == sums["tAnswered"] + sums["tAbandon"] + sums["tFlowOut"]
    assert counts["tWait"] == counts["tAnswered"] + counts["tAbandon"] + counts["tFlowOut"]
    assert sums["nOffered"] == counts["tWait"]


def test_short_abandons_are_some_of_the_abandons(conversations):
    for conversation in conversations:
        for _, session in sessions(conversation):
            metrics = {metric["name"]: metric["value"] for metric in session["metrics"]}
            if "tShortAbandon" in metrics:
                assert metrics["tShortAbandon"] == metrics["tAbandon"] < 10_000
    _, counts = total(conversations)
    assert 0 < counts["tShortAbandon"] < counts["tAbandon"]


def test_everything_the_vendor_shows_occurs(conversations):
    purposes, media, kinds, ends = Counter(), Counter(), Counter(), Counter()
    repeated = with_fraction = late_wrap_up = several_agents = without_wrap_up = 0
    for one in conversations:
        agents = 0
        with_fraction += "." in one["conversationStart"]
        for participant, session in sessions(one):
            purposes[participant["purpose"]] += 1
            media[session["mediaType"]] += 1
            agents += participant["purpose"] == "agent"
            names = [metric["name"] for metric in session["metrics"]]
            repeated += len(names) > len(set(names))
            segments = {segment["segmentType"]: segment for segment in session["segments"]}
            kinds.update(list(segments))
            ends.update(segment.get("disconnectType") for segment in session["segments"])
            wrap_up = segments.get("wrapup")
            if wrap_up and milliseconds(wrap_up["segmentEnd"]) > milliseconds(one["conversationEnd"]) + 1_800_000:
                late_wrap_up += 1
            without_wrap_up += "tTalk" in names and wrap_up is None
        several_agents += agents > 1
    assert set(purposes) == {"customer", "external", "ivr", "acd", "agent", "user"}
    assert set(media) == {"voice", "chat", "email", "callback", "message"}
    assert {"alert", "interact", "hold", "wrapup", "ivr", "dialing", "contacting", "parked", "callback"} <= set(kinds)
    assert {"peer", "client", "transfer", "noAnswerTransfer", "conferenceTransfer", "inactivity"} <= set(ends)
    assert min(repeated, late_wrap_up, several_agents, without_wrap_up) > 10
    assert 0 < with_fraction < len(conversations)
    _, counts = total(conversations)
    assert {"nTransferred", "nConsult", "nConsultTransferred", "nOverSla", "tNotResponding"} <= set(counts)
    lengths = [milliseconds(one["conversationEnd"]) - milliseconds(one["conversationStart"]) for one in conversations]
    assert sum(length > 86_400_000 for length in lengths) > 10
    assert max(lengths) > 2**31


def test_segments_and_metrics_lie_inside_their_conversation_or_its_wrap_up(conversations):
    for one in conversations:
        start, end = milliseconds(one["conversationStart"]), milliseconds(one["conversationEnd"])
        for _, session in sessions(one):
            assert session["segments"]
            for segment in session["segments"]:
                begins, ends = milliseconds(segment["segmentStart"]), milliseconds(segment["segmentEnd"])
                assert start <= begins <= ends
                assert ends <= end or segment["segmentType"] == "wrapup"
            assert all(milliseconds(metric["emitDate"]) >= start for metric in session["metrics"])


def test_most_ids_are_in_the_directory_and_a_few_are_gone(conversations):
    directory = ContactCentre(seed=3, start=MONDAY, days=7, conversations=3000).directory
    used = Counter(
        point.participant["userId"] for one in conversations for point in points(one) if "userId" in point.participant
    )
    gone = set(used) - {user["id"] for user in directory.users}
    assert gone == {directory.user_ids[-1]}
    assert used[directory.user_ids[-1]] < 0.02 * used.total()
    assert {queue["id"] for queue in directory.queues} == set(directory.queue_ids[:-1])
    assert len(directory.queues) == 12
    assert len(directory.users) == 60


def test_ongoing_conversation_grows_and_never_takes_anything_back(conversations):
    """Seen at each of its instants, what is known only grows, up to the whole conversation."""
    for one in conversations[:40]:
        moments = {milliseconds(one["conversationStart"]), milliseconds(one["conversationEnd"])}
        for _, session in sessions(one):
            moments |= {
                milliseconds(segment[key]) for segment in session["segments"] for key in ("segmentStart", "segmentEnd")
            }
            moments |= {milliseconds(metric["emitDate"]) for metric in session["metrics"]}
        seen = [as_seen_at(one, datetime.fromisoformat(instant(moment))) for moment in sorted(moments)]
        assert seen[-1] == one
        sizes = [(len(list(sessions(view))), len(list(points(view)))) for view in seen]
        assert all(left <= right for pair in itertools.pairwise(sizes) for left, right in zip(*pair, strict=True))
        assert ["conversationEnd" in view for view in seen] == [
            moment >= milliseconds(one["conversationEnd"]) for moment in sorted(moments)
        ]


def test_nothing_shows_before_its_start(make):
    assert as_seen_at(make(1, MONDAY), MONDAY - timedelta(milliseconds=1)) is None
    world = World([make(1, MONDAY)])
    assert world.conversation_at(MONDAY - timedelta(milliseconds=1), "c001") is None
    assert world.conversation_at(MONDAY, "unknown") is None


def test_world_shows_each_version_from_its_time_on(make):
    world = World([make(1, MONDAY)])
    hour = timedelta(hours=1)
    world.correct("c001", {"externalTag": "a"}, MONDAY + hour)

    def retag(conversation):
        conversation["externalTag"] += "b"
        return conversation

    world.correct("c001", retag, MONDAY + 2 * hour)
    world.hide("c001", MONDAY + 3 * hour)
    day = (MONDAY, MONDAY + timedelta(days=1))
    shown = [world.conversations_at(MONDAY + count * hour + hour / 2, *day) for count in range(4)]
    whole = make(1, MONDAY)
    assert shown == [[whole], [{**whole, "externalTag": "a"}], [{**whole, "externalTag": "ab"}], []]
    assert len(world) == 1
    assert world.ids() == ["c001"]


def test_a_hidden_conversation_may_be_shown_again(make):
    world = World([make(1, MONDAY)])
    hour = timedelta(hours=1)
    world.hide("c001", MONDAY + hour)
    world.show("c001", MONDAY + 2 * hour)
    shown = [len(world.conversations_at(MONDAY + count * hour + hour / 2, MONDAY, MONDAY + hour)) for count in range(3)]
    assert shown == [1, 0, 1]
    with pytest.raises(ValueError, match="is not hidden"):
        world.show("c001", MONDAY + 3 * hour)


def test_a_division_taken_from_the_client_hides_what_is_in_no_other(make):
    hour = timedelta(hours=1)
    divisions = {1: ["north"], 2: ["north", "south"], 3: ["south"], 4: []}
    world = World([{**make(number, MONDAY), "divisionIds": ids} for number, ids in divisions.items()])
    world.take_division("north", MONDAY + hour)
    world.take_division("south", MONDAY + 2 * hour)
    world.give_division("north", MONDAY + 3 * hour)

    def shown(count):
        now = MONDAY + count * hour + hour / 2
        return [one["conversationId"] for one in world.conversations_at(now, MONDAY, MONDAY + hour)]

    assert [shown(count) for count in range(4)] == [
        ["c001", "c002", "c003", "c004"],
        ["c002", "c003", "c004"],
        ["c004"],
        ["c001", "c002", "c004"],
    ]
    assert world.is_withheld("south", MONDAY + 3 * hour)
    with pytest.raises(ValueError, match="already changed at a later time"):
        world.give_division("south", MONDAY)


def test_what_may_be_seen_is_asked_of_now_also_where_older_data_is_told(make):
    """As a job tells it: the lake is hours old, the roles of the client are those of now."""
    hour = timedelta(hours=1)
    world = World([{**make(1, MONDAY), "divisionIds": ["north"]}])
    world.take_division("north", MONDAY + hour)
    world.give_division("north", MONDAY + 4 * hour)

    def alive(now):
        return len(world.alive_at(MONDAY + now * hour, MONDAY + (now - 2) * hour, MONDAY, MONDAY + hour))

    assert [alive(now) for now in (3, 5)] == [0, 1]
    assert world.conversation_at(MONDAY + 3 * hour, "c001", MONDAY + 5 * hour) is not None


def test_correction_can_move_a_conversation_to_another_day(make):
    world = World([make(1, MONDAY)])
    tuesday = MONDAY + timedelta(days=1)
    world.correct("c001", make(1, tuesday), tuesday)
    later = tuesday + timedelta(days=1)
    assert world.conversations_at(later, MONDAY, tuesday) == []
    assert world.conversations_at(later, tuesday, later) == [make(1, tuesday)]


def test_world_refuses_what_makes_no_sense(make):
    world = World([make(1, MONDAY)])
    with pytest.raises(ValueError, match="already in the world"):
        world.add(make(1, MONDAY))
    with pytest.raises(KeyError):
        world.correct("c002", {}, MONDAY)
    with pytest.raises(ValueError, match="cannot change the conversation's id"):
        world.correct("c001", {"conversationId": "c002"}, MONDAY)
    world.hide("c001", MONDAY + timedelta(hours=2))
    with pytest.raises(ValueError, match="hidden"):
        world.correct("c001", {}, MONDAY + timedelta(hours=3))


def test_another_hour_brings_new_late_and_corrected_conversations():
    centre = ContactCentre(seed=5, start=MONDAY, days=2, conversations=800)
    world = centre.world()
    ten = MONDAY + timedelta(days=1, hours=10)
    # The demo continues where the data ends; continuing in the middle keeps this test small.
    before = {one["conversationId"] for one in world.conversations_at(ten, MONDAY, ten)}
    changes = continue_world(world, centre, ten)
    after = ten + timedelta(hours=1)
    shown = {one["conversationId"]: one for one in world.conversations_at(after, MONDAY, after)}
    assert set(changes.new) | set(changes.late) <= set(shown) - before
    assert all(milliseconds(shown[late]["conversationStart"]) < milliseconds(ten) for late in changes.late)
    assert all(milliseconds(shown[new]["conversationStart"]) >= milliseconds(ten) for new in changes.new)
    assert len(changes.new) > 20
    assert changes.late
    assert set(changes.corrected) <= before
    once_more = centre.world()
    assert continue_world(once_more, centre, ten) == changes
    assert once_more.conversations_at(after, MONDAY, after) == list(shown.values())
    assert changes.corrected
    untouched = centre.world()
    assert all(untouched.conversation_at(after, identity) != shown[identity] for identity in changes.corrected)
