"""The organisation behind the conversations: divisions, queues, users, wrap-up codes, with some that are gone."""

from dataclasses import dataclass
from random import Random
from typing import Any

from connector.sandbox.drafts import random_id

Entity = dict[str, Any]

_QUEUES = (
    *("Support", "Sales", "Billing", "Returns", "Technical Help", "Claims", "Bookings", "Complaints"),
    *("Renewals", "Partners", "Deliveries", "Onboarding", "Key Accounts", "Press", "Warranty", "Payments"),
)
_FIRST = ("Aino", "Ben", "Carla", "Dmitri", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Leo")
_LAST = ("Adler", "Brandt", "Cruz", "Dalgaard", "Ekström", "Ferrari", "Gómez", "Horváth", "Ito", "Jansen")
_WRAP_UPS = ("Solved", "Callback agreed", "Wrong number", "Order placed", "Complaint", "No answer", "Escalated")
_FLOWS = ("Main menu", "Night menu")
_SKILLS = 6


@dataclass(frozen=True)
class Directory:
    """What the look-ups answer (entities as the service lists them) and the ids that conversations use.

    `queue_ids`, `user_ids` and `wrap_up_ids` hold, last, one deleted id each that no look-up knows any more.
    """

    organization: Entity
    divisions: tuple[Entity, ...] = ()
    queues: tuple[Entity, ...] = ()
    users: tuple[Entity, ...] = ()
    wrap_up_codes: tuple[Entity, ...] = ()
    queue_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()
    wrap_up_ids: tuple[str, ...] = ()
    skill_ids: tuple[str, ...] = ()
    team_of: tuple[str, ...] = ()
    flows: tuple[Entity, ...] = ()
    division_of: tuple[str, ...] = ()

    @classmethod
    def empty(cls) -> "Directory":
        """An organisation without anything in it."""
        return cls({"id": "0d0f7a1e-5a5d-4c7b-a6b4-2f6d1f0f9c11", "name": "Sandbox"})


def make_directory(seed: int, queues: int, agents: int) -> Directory:
    """An organisation with so many listed queues and agents; the same for the same arguments.

    One agent in fifteen has left (state inactive: listed only when asked for). team_of and division_of run
    along `user_ids` and `queue_ids`.
    """
    rng = Random(f"directory {seed}")
    divisions = tuple(_entity(rng, "authorization/divisions", name) for name in ("Home", "North", "South"))
    listed = []
    for number in range(queues):
        name = _QUEUES[number % len(_QUEUES)] + (f" {number // len(_QUEUES) + 1}" if number >= len(_QUEUES) else "")
        division = divisions[0] if number % 3 == 0 else rng.choice(divisions)
        listed.append(_entity(rng, "routing/queues", name, division=_short(division), mediaSettings={}))
    users = [_user(rng, number, divisions[0]) for number in range(agents)]
    codes = tuple(_entity(rng, "routing/wrapupcodes", name, division=_short(divisions[0])) for name in _WRAP_UPS)
    teams = tuple(random_id(rng) for _ in range(max(1, agents // 12)))
    menus = Random(f"flows {seed}")
    return Directory(
        organization={"id": random_id(rng), "name": "Sandbox", "defaultLanguage": "en-us", "state": "active"},
        divisions=divisions,
        queues=tuple(listed),
        users=tuple(users),
        wrap_up_codes=codes,
        queue_ids=(*(queue["id"] for queue in listed), random_id(rng)),
        user_ids=(*(user["id"] for user in users), random_id(rng)),
        wrap_up_ids=(*(code["id"] for code in codes), random_id(rng)),
        skill_ids=tuple(random_id(rng) for _ in range(_SKILLS)),
        team_of=tuple(teams[number % len(teams)] for number in range(agents + 1)),
        flows=tuple(_entity(menus, "flows", name, type="inboundcall") for name in _FLOWS),
        division_of=(*(queue["division"]["id"] for queue in listed), divisions[0]["id"]),
    )


def _entity(rng: Random, kind: str, name: str, **facts: Any) -> Entity:
    identity = random_id(rng)
    return {"id": identity, "name": name, **facts, "selfUri": f"/api/v2/{kind}/{identity}"}


def _user(rng: Random, number: int, division: Entity) -> Entity:
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]}"
    email = f"agent{number:04}@example.invalid"
    facts = {"division": _short(division), "email": email, "username": email, "version": rng.randint(1, 40)}
    return _entity(rng, "users", name, **facts, state="inactive" if number % 15 == 14 else "active")


def _short(division: Entity) -> Entity:
    return {key: division[key] for key in ("id", "name", "selfUri")}
