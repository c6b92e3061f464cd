"""The books of a pass: two balances that must come out even before it may be closed.

    records   pulled = duplicate + outside + filtered + unmappable + mapped
    rows      made + requeued + vanished
                  = duplicate + unchanged + created + updated + deleted + rejected + superseded + pending

`pulled` is counted by the pager, `made` by the mapper, `pending` is a count of rows in the outbox: the sums can fail.
`without_parent` says how many of those created and updated went without a relationship whose parent Salesforce does
not know.
"""

from dataclasses import dataclass, fields

from connector.errors import UnbalancedPass


@dataclass(frozen=True)
class Books:
    """Every term of both balances; `row_duplicate` is the second balance's `duplicate`."""

    pulled: int = 0
    duplicate: int = 0
    outside: int = 0
    filtered: int = 0
    unmappable: int = 0
    mapped: int = 0
    made: int = 0
    requeued: int = 0
    vanished: int = 0
    row_duplicate: int = 0
    unchanged: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: int = 0
    superseded: int = 0
    pending: int = 0
    without_parent: int = 0

    def __add__(self, other: "Books") -> "Books":
        return Books(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Books)))

    def check(self, name: str) -> None:
        """Raise UnbalancedPass, with both sides of each failing balance, unless both come out even."""
        records = self.duplicate + self.outside + self.filtered + self.unmappable + self.mapped
        given = self.made + self.requeued + self.vanished
        rows = (
            self.row_duplicate
            + self.unchanged
            + self.created
            + self.updated
            + self.deleted
            + self.rejected
            + self.superseded
            + self.pending
        )
        failing = []
        if self.pulled != records:
            failing.append(f"{self.pulled} records pulled, {records} accounted for")
        if given != rows:
            failing.append(f"{given} rows made, {rows} accounted for")
        if failing:
            raise UnbalancedPass(
                f"{name}: the books do not balance: {'; '.join(failing)}",
                "the span is not counted as done and is read again by the next run; please report this",
            )


COUNTERS = tuple(one.name for one in fields(Books) if one.name != "pending")
"""The terms that are kept with a pass; `pending` is always counted anew."""
