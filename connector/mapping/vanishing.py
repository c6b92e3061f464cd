"""What a vanished row loses."""

from connector.mapping.contents import contents_of
from connector.mapping.kinds import kind_of
from connector.mapping.model import Source, Target
from connector.mapping.rules import relationship_of


def emptied(source: Source, target: Target) -> dict[str, bool | None]:
    """The fields of a row that clears its record, in the mapping's order, the external id among them.

    Each is null, which a checkbox cannot be: it becomes false. Relationships are cleared too. Left alone are fields
    that stay when their value is missing (`when_missing: leave`, also of values without a path), and those the query
    cannot give.
    """
    contents = contents_of(source)
    if target.each is not None:
        contents = contents.below(target.each)
    return {
        rule.name: False if rule.type == "Checkbox" or kind_of(rule, contents) == "boolean" else None
        for rule in target.fields
        if rule.name == target.external_id
        or (all(map(contents.is_given, rule.paths)) and (relationship_of(rule.name) or rule.when_missing != "leave"))
    }
