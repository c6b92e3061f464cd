"""What can be looked up in Genesys Cloud by its id, and what is known of it.

Source: platform reference, routing queues, users, routing wrap-up codes, authorization divisions.
"""

from collections.abc import Mapping

LOOKUPS: Mapping[str, tuple[str, ...]] = {
    "queues": ("name", "division"),
    "users": ("name", "email", "department", "title", "division"),
    "wrap_up_codes": ("name", "division"),
    "divisions": ("name",),
}
"""Kind -> properties, each text; `division` is the name of the division."""
