"""The catalogue holds every name and statistic the vendor's reference lists."""

from connector.genesys.queries import (
    CATALOGUE,
    DIMENSIONS,
    FACTS,
    METRICS,
    RARE_STATISTICS,
    SUBJECTS,
    TIMER,
    USER_DIMENSIONS,
    USER_METRICS,
)
from connector.mapping.contents import CONVERSATION, Many, Value
from connector.sandbox.genesys import aggregates

STATISTICAL_SUMMARY = frozenset(
    """max min count countNegative countPositive sum current ratio numerator denominator target p95 p99
    calculatedMetricValue""".split()
)
"""Source: the vendor's SDK, model statistical_summary."""


def test_every_metric_the_simulated_service_answers_is_known_and_no_other():
    """Both lists were written from the vendor's reference, each by itself."""
    assert METRICS.keys() == aggregates.METRICS
    assert {name for name, statistics in METRICS.items() if statistics == TIMER} == aggregates.TIMERS


def test_the_statistics_of_the_metrics_are_those_of_the_vendors_summary():
    assert {one for statistics in METRICS.values() for one in statistics} | RARE_STATISTICS == STATISTICAL_SUMMARY


def test_a_counter_carries_a_count_and_every_metric_tells_by_its_first_letter_what_it_is():
    for name, statistics in METRICS.items():
        expected = {"n": ("count",), "t": ("max", "min", "count", "sum")}.get(name[0], statistics)
        assert name[0] in "nto" and statistics == expected


def test_no_two_names_of_an_aggregates_record_are_the_same():
    names = [*METRICS, *DIMENSIONS, "start", "end", "metric", "qualifier", "sum"]
    assert len(names) == len(set(names))
    assert USER_DIMENSIONS <= DIMENSIONS and not USER_METRICS & METRICS.keys()


def test_every_fact_is_a_name_of_a_conversation_and_of_the_kind_its_name_tells():
    for fact in FACTS:
        node = CONVERSATION.names[fact]
        if fact in ("media_types", "wrap_up_codes"):
            assert node == Many(Value("text"))
        else:
            assert node == Value("integer" if fact.endswith("_ms") else "boolean" if fact == "is_open" else "text")


def test_every_query_is_known_by_its_name_and_aggregates_by_their_subject_too():
    assert all(query.name == name for name, query in CATALOGUE.items())
    paths = [CATALOGUE["aggregates"].about(subject).path for subject in SUBJECTS]
    assert len(set(paths)) == len(SUBJECTS) == 17
    assert not any("{" in path for path in paths)
