"""What the records of a query hold, as a tree: which names stand where, and of which kind their values are.

A mapping's paths are followed through this tree when the file is read, so that a wrong word or a path into nothing is
told before anything runs.

Source: vendor reference, conversation aggregates query and analytics conversation; the catalogue of queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connector.genesys.queries import METRICS, OBSERVATIONS, QUALIFIED
from connector.mapping.endpoint import Endpoint
from connector.mapping.model import Source
from connector.mapping.paths import Name, RecordPath, Where, parse_path
from connector.mapping.rules import FieldRule

Kind = Literal["text", "number", "integer", "boolean", "datetime", "date", "any"]


@dataclass(frozen=True)
class Value:
    """One plain value. kind "any": what it is cannot be told, perhaps a list or a mapping."""

    kind: Kind = "any"


@dataclass(frozen=True)
class Many:
    """A list. what: the word for several of its elements."""

    of: "Node"
    what: str = "values"


@dataclass(frozen=True)
class Tree:
    """Names with what they hold.

    what: the word for one, in messages; rest: what stands under names that are not listed, None: there are no others;
    key: the name that tells one from its neighbours in a list; is_measure: it may be a plain number instead.
    """

    what: str
    names: Mapping[str, "Node"]
    rest: "Node | None" = Value()
    key: str = ""
    is_measure: bool = False


Node = Value | Many | Tree

ANY = Value()

ELEMENT_NAMES = ("parent", "record", "position")
"""Names an element of `each` has besides its own: what encloses it, the whole record, and its index in its list."""


@dataclass(frozen=True)
class Followed:
    """Where a path leads.

    node: what stands there; is_list: the path ends at a list or crosses one; kind: of the value, or of each in the
    list; unknown: names met that the tree does not list, with the tree; problem: why the path can lead nowhere, or "".
    """

    node: Node
    is_list: bool
    unknown: tuple[tuple[str, Tree], ...] = ()
    problem: str = ""

    @property
    def kind(self) -> Kind:
        node = self.node.of if isinstance(self.node, Many) else self.node
        if isinstance(node, Value):
            return node.kind
        return "number" if isinstance(node, Tree) and node.is_measure else "any"


def follow(path: RecordPath, root: Tree) -> Followed:
    """Walk a path through the tree, as far as it is known."""
    node: Node = root
    is_crossed = False
    unknown: list[tuple[str, Tree]] = []
    at = ""
    for step in path.steps:
        where = f"'{path.text}' goes too deep: '{at}' holds"
        if isinstance(step, Name):
            if isinstance(node, Many):
                is_crossed, node = True, node.of
            if isinstance(node, Tree):
                tree = node
                if step.name in tree.names:
                    node = tree.names[step.name]
                else:
                    unknown.append((step.name, tree))
                    node = tree.rest or ANY
            elif node != ANY:
                return Followed(ANY, is_crossed, tuple(unknown), f"{where} one value")
            at = step.name
        elif isinstance(node, Many):
            if isinstance(step, Where):
                if isinstance(node.of, Tree) and step.key not in node.of.names:
                    unknown.append((step.key, node.of))
            else:
                node = node.of
        elif node != ANY:
            is_tree = isinstance(node, Tree) and not node.is_measure
            held = "no list" if is_tree else "one value"
            return Followed(ANY, is_crossed, tuple(unknown), f"{where} {held}")
        elif isinstance(step, Where):
            node = Many(ANY)
    return Followed(node, is_crossed or isinstance(node, Many), tuple(unknown))


@dataclass(frozen=True)
class Contents:
    """What a target's paths may lead to.

    shape: of the query; tree: of the record, or of one element of `each` with `parent`, `record` and `position`;
    levels: the lists `each` goes through, outermost first: what an element of each is; identity: names that lead to
    what alone makes a record of an endpoint itself.
    """

    shape: str
    tree: Tree
    levels: tuple[Tree, ...] = ()
    identity: tuple[str, ...] = ()

    def follow(self, path: RecordPath) -> Followed:
        return follow(path, self.tree)

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the record that hold statistics."""
        return frozenset(
            name for name, node in self.tree.names.items() if isinstance(node, Tree) and node.what == "statistic"
        )

    def path_to_metrics(self) -> RecordPath | None:
        """From here down to the metrics of sessions, None where there are none."""
        at: list[tuple[Tree, tuple[Name, ...]]] = [(self.tree, ())]
        while at:
            tree, way = at.pop(0)
            for name in ("metrics", "sessions", "participants"):
                node = tree.names.get(name)
                if isinstance(node, Many) and node.of == METRIC:
                    return RecordPath(name, (*way, Name(name)))
                if isinstance(node, Many) and isinstance(node.of, Tree):
                    at.append((node.of, (*way, Name(name))))
        return None

    def below(self, path: RecordPath) -> "Contents":
        """What an element of `each` holds. The path leads to a list of mappings (see `check`)."""
        here = scope = self.tree
        levels: list[Tree] = []
        for step, after in zip(path.steps, (*path.steps[1:], None), strict=True):
            if not isinstance(step, Name):
                continue
            node = here.names.get(step.name, here.rest or ANY)
            held = node.of if isinstance(node, Many) else node
            here = held if isinstance(held, Tree) else Tree("element", {})
            # Of what is not known only the last, or what is chosen from, is sure to be a list.
            if isinstance(node, Many) or (node == ANY and not isinstance(after, Name)):
                scope = _element(here, scope, self.tree)
                levels.append(here)
        return replace(self, tree=scope, levels=tuple(levels))


def reads_attributes(path: RecordPath) -> bool:
    """Whether a path of conversation details leads to what only jobs give (vendor's details reference)."""
    return "attributes" in path.names


def needs_job(rule: FieldRule) -> bool:
    """Whether a field of conversation details is made of what only jobs give."""
    is_searched = rule.expression is not None and "attributes" in rule.expression.text
    return is_searched or any(map(reads_attributes, rule.paths))


def _element(tree: Tree, parent: Tree, record: Tree) -> Tree:
    """An element with the three names every element has."""
    return replace(tree, names={**tree.names, "parent": parent, "record": record, "position": Value("integer")})


def contents_of(source: Source) -> Contents:
    """What the records of this source hold."""
    if source.endpoint:
        return _of_endpoint(source.endpoint)
    shape = source.asked.shape
    if shape == "details":
        return Contents(shape, CONVERSATION)
    names: dict[str, Node] = {"start": Value("datetime"), "end": Value("datetime")}
    if shape == "users":
        names |= {**_values("text", "userId metric qualifier"), "sum": Value("integer")}
        return Contents(shape, Tree("record", names, None))
    if shape == "observations":
        names |= {**_values("text", "queueId mediaType"), "taken": Value("datetime"), "truncated": Many(Value("text"))}
        names |= {name: _observed(name) for name in source.metrics}
        return Contents(shape, Tree("record", names, None))
    if shape == "aggregates":
        names["mediaType"] = Value("text")
    else:
        names |= {"id": Value("text"), "conversationStart": Value("datetime"), "conversationEnd": Value("datetime")}
    names |= {name: Value("text") for name in source.group_by}
    for name in source.metrics:
        names[name] = _measure() if shape == "summary" else _statistics(METRICS.get(name, ()))
    for view in source.views:
        names.setdefault(view.name, _statistics(METRICS.get(view.target, ())))
    return Contents(shape, Tree("record", names, None if shape == "aggregates" else ANY))


def _of_endpoint(endpoint: Endpoint) -> Contents:
    """Of records nobody described only the time is known: their own, or that of their cell."""
    names: Mapping[str, Node] = {"start": Value("datetime"), "end": Value("datetime")}
    if endpoint.time:
        *above, last = parse_path(endpoint.time).names
        names = {last: Value("datetime")}
        for name in reversed(above):
            names = {name: Tree("entry", names, ANY)}
    identity = parse_path(endpoint.key[0]).names if len(endpoint.key) == 1 else ()
    return Contents("endpoint", Tree("record", names, ANY), identity=identity)


def _statistics(known: Sequence[str]) -> Tree:
    kinds: dict[str, Node] = {name: Value("integer" if name == "count" else "number") for name in known}
    return Tree("statistic", kinds, Value("number"))


def _observed(metric: str) -> Tree:
    """What was observed; of some metrics, and of those nobody knows, also status by status."""
    whole = _statistics(OBSERVATIONS.get(metric, ()))
    return replace(whole, rest=whole) if metric in QUALIFIED or metric not in OBSERVATIONS else whole


def _measure() -> Tree:
    names: dict[str, Node] = {name: Value("number") for name in ("sum", "count", "min", "max")}
    return Tree("statistic", names, Value("number"), is_measure=True)


def _values(kind: Kind, names: str) -> dict[str, Node]:
    return dict.fromkeys(names.split(), Value(kind))


_TEXTS = Many(Value("text"))

SEGMENT = Tree(
    "segment",
    {
        **_values(
            "text",
            """segmentType queueId wrapUpCode wrapUpNote disconnectType errorCode subject groupId requestedLanguageId
            sourceConversationId sourceSessionId destinationConversationId destinationSessionId""",
        ),
        **_values("datetime", "segmentStart segmentEnd"),
        **_values("boolean", "conference audioMuted videoMuted"),
        **dict.fromkeys(("requestedRoutingSkillIds", "requestedRoutingUserIds", "wrapUpTags"), _TEXTS),
        **dict.fromkeys(("sipResponseCodes", "q850ResponseCodes"), Many(Value("integer"))),
        **dict.fromkeys(("properties", "scoredAgents"), Many(Tree("entry", {}), "entries")),
    },
)
METRIC = Tree("metric", {"name": Value("text"), "value": Value("number"), "emitDate": Value("datetime")})
SESSION = Tree(
    "session",
    {
        **_values(
            "text",
            """sessionId mediaType direction ani dnis sessionDnis addressFrom addressTo addressSelf addressOther remote
            remoteNameDisplayable provider messageType peerId usedRouting selectedAgentId outboundCampaignId
            outboundContactId outboundContactListId flowInType flowOutType dispositionAnalyzer dispositionName edgeId
            roomId scriptId protocolCallId monitoredParticipantId monitoredSessionId callbackUserName deliveryStatus
            assignerId mediaBridgeId agentAssistantId cobrowseRole cobrowseRoomId journeyCustomerId
            journeyCustomerIdType journeySessionId journeyActionId routingRule routingRuleType""",
        ),
        **_values("datetime", "callbackScheduledTime detectedSpeechStart detectedSpeechEnd deliveryStatusChangeDate"),
        **_values(
            "boolean", "recording skipEnabled authenticated acwSkipped cleared sharingScreen agentOwned deliveryPushed"
        ),
        **_values("integer", "timeoutSeconds agentBullseyeRing routingPriority routingRing selectedAgentRank"),
        **dict.fromkeys(
            ("requestedRoutings", "callbackNumbers", "removedSkillIds", "destinationAddresses", "cc", "bcc"), _TEXTS
        ),
        **dict.fromkeys(("mediaEndpointStats", "proposedAgents"), Many(Tree("entry", {}), "entries")),
        "flow": Tree("flow", _values("text", "flowId flowName flowType flowVersion entryReason entryType exitReason")),
        "segments": Many(SEGMENT, "segments"),
        "metrics": Many(METRIC, "metrics"),
    },
    key="sessionId",
)
PARTICIPANT = Tree(
    "participant",
    {
        **_values(
            "text",
            """participantId participantName purpose userId teamId externalContactId externalOrganizationId
            flaggedReason""",
        ),
        "attributes": Tree("attribute", {}, Value("text")),
        "sessions": Many(SESSION, "sessions"),
    },
    key="participantId",
)
CONVERSATION = Tree(
    "conversation",
    {
        **_values("text", "conversationId originatingDirection externalTag conversationInitiator"),
        **_values("datetime", "conversationStart conversationEnd conferenceStart"),
        **_values("number", "mediaStatsMinConversationMos mediaStatsMinConversationRFactor"),
        **_values("boolean", "customerParticipation originatingSocialMediaPublic selfServed"),
        "inactivityTimeout": ANY,
        "divisionIds": _TEXTS,
        "participants": Many(PARTICIPANT, "participants"),
        "evaluations": Many(Tree("evaluation", _values("text", "evaluationId"), key="evaluationId"), "evaluations"),
        "surveys": Many(Tree("survey", _values("text", "surveyId"), key="surveyId"), "surveys"),
        "resolutions": Many(Tree("resolution", {}), "resolutions"),
        "attributes": Tree("attribute", {}, Value("text")),
        # Facts, see genesys.queries.FACTS.
        **_values("text", "first_queue_id last_queue_id first_agent_id last_agent_id direction"),
        **_values("integer", "talk_ms hold_ms acw_ms handle_ms wait_ms duration_ms"),
        **dict.fromkeys(("media_types", "wrap_up_codes"), _TEXTS),
        "is_open": Value("boolean"),
    },
    key="conversationId",
)
"""A conversation as flattening yields it. The vendor's SDK, models analytics_conversation and below."""
