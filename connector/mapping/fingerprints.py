"""Digests of what a mapping means, to notice when it changes; the order of keys and comments do not count."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connector.mapping.model import Mapping, Target
from connector.mapping.rules import Condition, FieldRule, Replacement, Step


@dataclass(frozen=True)
class Fingerprints:
    """Short hex digests.

    fields: how rows are made of records (fields, keep, skip); source: which records are read, and by which pages;
    keys: which rows exist in Salesforce (object, external id, and what cuts the time).
    """

    fields: str
    source: str
    keys: str


def fingerprints(mapping: Mapping) -> Fingerprints:
    """The digests of a mapping: equal as long as it means the same."""
    source, window = mapping.source, mapping.window
    return Fingerprints(
        fields=_digest([_target(target) for target in mapping.targets]),
        source=_digest(
            {
                "query": source.query,
                "granularity": repr(source.granularity),
                "group_by": sorted(source.group_by),
                "metrics": sorted(source.metrics),
                "filter": source.filter,
                "filters": [list(source.filters.conversation), list(source.filters.segment)],
                # Another page size puts other records on the page a checkpoint names.
                "page_size": source.page_size,
                **({"via": source.via} if source.via != "auto" else {}),
                **({"subject": source.subject} if source.subject else {}),
                **({"views": sorted(view.model_dump_json() for view in source.views)} if source.views else {}),
                **({"endpoint": asdict(source.endpoint.as_query())} if source.endpoint else {}),
            }
        ),
        keys=_digest(
            {
                "targets": [
                    [one.object, one.external_id, one.each.text if one.each else None, _field(one.key)]
                    for one in mapping.targets
                ],
                "granularity": repr(source.granularity),
                # Records without a time of their own take the start of their cell, and the cell is the size.
                "cell": repr(window.size) if mapping.query.is_cell else None,
                "timezone": window.timezone.key,
                "group_by": sorted(source.group_by),
                **({"record_key": sorted(source.endpoint.key)} if source.endpoint else {}),
            }
        ),
    )


def _target(target: Target) -> Any:
    return {
        "each": target.each.text if target.each else None,
        "fields": {rule.name: _field(rule) for rule in target.fields},
        "keep": {condition.path.text: _condition(condition) for condition in target.keep},
        "skip": {condition.path.text: _condition(condition) for condition in target.skip},
    }


def _field(rule: FieldRule) -> Any:
    return [
        rule.source,
        rule.constant,
        rule.template.text if rule.template else None,
        rule.expression.text if rule.expression else None,
        [path.text for path in rule.paths],
        rule.separator,
        [_step(step) for step in rule.steps],
        rule.when_missing,
        # Left out where it is the usual, so that it changes no fingerprint of before.
        *([rule.when_parent_missing] if rule.when_parent_missing != "wait" else []),
    ]


def _step(step: Step) -> Any:
    match step.argument:
        case Replacement(pattern, text):
            return [step.name, pattern, text]
        case ZoneInfo() as zone:
            return [step.name, zone.key]
        case argument:
            return [step.name, argument, step.otherwise]


def _condition(condition: Condition) -> Any:
    bounds = sorted([name, str(bound)] for name, bound in condition.bounds)
    return [condition.exists, sorted(condition.values), bounds]


def _digest(meaning: Any) -> str:
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
