"""From answers to records: pure functions, one per shape of the catalogue.

Instants inside conversations stay as Genesys wrote them; `start` and `end` of flat records are `YYYY-MM-DDThh:mm:ssZ`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import reduce
from typing import Any

from connector.errors import MalformedAnswer
from connector.genesys.facts import facts_of, merged_attributes
from connector.genesys.judge import Record
from connector.spans import Span, instant, stamp


def flatten_aggregates(results: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield one flat record per group and interval.

    results: [{"group": {...}, "data": [{"interval": "a/b", "metrics": [{"metric": name, "stats": {...}}], "views":
    [{"name": name, "stats": {...}}]}]}], where groups leave out keys without a value, and buckets leave out metrics and
    views without data.
    record: group keys, "start" and "end", and under each metric and view a mapping of its statistics; times in
    milliseconds.
    Raises MalformedAnswer when an interval is not two instants.
    Source: vendor reference, conversation aggregates query.
    """
    for bucket, record in _buckets(results):
        for kind, key in (("metrics", "metric"), ("views", "name")):
            for metric in bucket.get(kind) or ():
                stats = metric.get("stats") or {}
                name = metric.get(key)
                record[name] = _added(record[name], stats) if name in record else dict(stats)
        yield record


def flatten_users(results: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield one flat record per user, interval, metric and qualifier.

    results: as those of `flatten_aggregates`, each metric with the status it was spent in as its `qualifier`.
    record: {"userId", "start", "end", "metric", "qualifier", "sum"}, `sum` in milliseconds; what the service leaves
    out is left out. A status that stands twice in one interval is added up.
    Raises MalformedAnswer when an interval is not two instants.
    Source: vendor reference, user status aggregate query.
    """
    for bucket, group in _buckets(results):
        spent: dict[tuple[Any, Any], Record] = {}
        for metric in bucket.get("metrics") or ():
            name, qualifier = metric.get("metric"), metric.get("qualifier")
            record = spent.setdefault((name, qualifier), {**group, "metric": name})
            if qualifier is not None:
                record["qualifier"] = qualifier
            length = (metric.get("stats") or {}).get("sum")
            if length is not None:
                record["sum"] = record.get("sum", 0) + length
        yield from spent.values()


def flatten_observations(results: Iterable[Mapping[str, Any]], span: Span, taken: datetime) -> Iterator[Record]:
    """Yield one record per group: what was observed at one moment.

    results: [{"group": {"queueId", "mediaType"?}, "data": [{"metric", "qualifier"?, "stats": {...}, "truncated"?}]}].
    record: the keys of the group, `start` and `end` of the span it stands for, `taken`, the moment, and under each
    metric a mapping of its statistics. Of a metric given status by status it holds those of each under its qualifier
    as well, and beside them the sums over all where the service gives none itself. `truncated`: a list of the metrics
    of which the service says that it cut something off, left out where there is none.
    Raises TypeError when a metric has no name. Source: vendor reference, queue observations.
    """
    moment = {"start": stamp(span.start), "end": stamp(span.end), "taken": stamp(taken)}
    for result in results:
        record: Record = {**(result.get("group") or {}), **moment}
        found: dict[str, dict[str | None, Mapping[str, float]]] = {}
        for one in result.get("data") or ():
            name, qualifier, stats = one.get("metric"), one.get("qualifier"), one.get("stats") or {}
            if not isinstance(name, str) or not isinstance(qualifier, str | None):
                raise TypeError("a metric is named by text")
            qualified = found.setdefault(name, {})
            known = qualified.get(qualifier)
            qualified[qualifier] = dict(stats) if known is None else _added(known, stats)
        for name, qualified in found.items():
            whole = qualified.pop(None, None)
            record[name] = {**qualified, **(_total(qualified.values()) if whole is None else whole)}
        if truncated := truncated_metrics([result]):
            record["truncated"] = list(truncated)
        yield record


def truncated_metrics(results: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The metrics of which an answer says somewhere that it cut something off, each once, in order of the names."""
    data = (one for result in results for one in result.get("data") or ())
    return tuple(sorted({str(one.get("metric")) for one in data if one.get("truncated") is True}))


def _buckets(results: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Record]]:
    """Each interval of each group, and the record it begins: the keys of the group, `start` and `end`."""
    for result in results:
        group = result.get("group") or {}
        for bucket in result.get("data") or ():
            start, _, end = str(bucket.get("interval")).partition("/")
            try:
                record: Record = {**group, "start": stamp(instant(start)), "end": stamp(instant(end))}
            except ValueError:
                raise MalformedAnswer("Genesys Cloud: an aggregates bucket has no interval 'start/end'") from None
            yield bucket, record


def flatten_conversations(conversations: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield each conversation as Genesys sends it, with facts about the whole of it added.

    Facts: those of `queries.FACTS`, one that cannot be told is left out; and `attributes`, those of all participants
    in one mapping, where any carries some. Raises TypeError when its participants are no list of objects: facts left
    out for that would clear what Salesforce has.
    """
    for conversation in conversations:
        participants = conversation.get("participants") or ()
        if not isinstance(participants, list | tuple) or not all(isinstance(one, dict) for one in participants):
            raise TypeError("participants are no list of objects")
        record = {**conversation, **facts_of(conversation)}
        if attributes := merged_attributes(conversation):
            record["attributes"] = attributes
        yield record


def flatten_summary(entities: Iterable[Mapping[str, Any]], span: Span) -> Iterator[Record]:
    """Yield each flat entity with the span's `start` and `end`, for it carries no time of its own."""
    cell = {"start": stamp(span.start), "end": stamp(span.end)}
    for entity in entities:
        yield {**entity, **cell}


def _total(several: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    return reduce(_added, several, dict[str, float]())


def _added(known: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """Statistics of a metric that stands twice in one bucket: counts and sums add, extremes and targets stay."""
    merged = dict(known)
    for name, value in more.items():
        if name not in merged:
            merged[name] = value
        elif name == "max":
            merged[name] = max(merged[name], value)
        elif name == "min":
            merged[name] = min(merged[name], value)
        elif name not in ("ratio", "target"):
            merged[name] += value
    if "ratio" in merged and merged.get("denominator"):
        merged["ratio"] = merged["numerator"] / merged["denominator"]
    return merged
