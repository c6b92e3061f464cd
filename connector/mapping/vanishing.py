"""What a vanished row loses."""

from connector.mapping.contents import contents_of, needs_job
from connector.mapping.kinds import is_checkbox
from connector.mapping.model import Source, Target
from connector.mapping.rules import FieldRule, relationship_of
from connector.mapping.via import job_query


def emptied(source: Source, target: Target) -> dict[str, bool | None]:
    """The fields of a row that clears its record, in the mapping's order, the external id among them.

    Each is null, which a checkbox cannot be: it becomes false. Relationships are cleared too. Left alone are fields
    that stay when their value is missing (`when_missing: leave`, also of values without a path), and those made of
    attributes where nothing is read by job.
    """
    contents = contents_of(source)
    if target.each is not None:
        contents = contents.below(target.each)
    has_no_jobs = contents.shape == "details" and job_query(source) is None

    def is_given(rule: FieldRule) -> bool:
        return not (has_no_jobs and needs_job(rule))

    return {
        rule.name: False if is_checkbox(rule, contents) else None
        for rule in target.fields
        if rule.name == target.external_id
        or (is_given(rule) and (relationship_of(rule.name) or rule.when_missing != "leave"))
    }
