"""The catalogue of Genesys Cloud queries, as data: where to ask, where the rows stand, what makes a record itself.

Source of every fact: the vendor's API description of the analytics calls (bodies, paging, group-by dimensions and
metric names), except `conversations.summary`, which describes the `summary/queries` dialect of older integrations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Shape = Literal["details", "aggregates", "summary", "users", "observations", "endpoint"]


@dataclass(frozen=True)
class NumberedPaging:
    """Pages asked for by number, from 1, with `${page}` in the request.

    total: where an answer says how many records match; page_count: where it says how many pages there are; each a path
    of keys in the body, or `header:Name`. Every place is a witness: the largest count stated is what is promised.
    largest: the page size to ask for, and the largest allowed if `is_largest_known`.
    """

    total: tuple[str, ...] = ()
    page_count: tuple[str, ...] = ()
    largest: int = 100
    is_largest_known: bool = True


@dataclass(frozen=True)
class CursorPaging:
    """Pages asked for by the cursor the page before gave, with `${cursor}` in the request; the first has none.

    next: where an answer holds the cursor of the page that follows, the first place that holds one counts; the last
    page has none. The rest as in NumberedPaging.
    """

    next: tuple[str, ...]
    total: tuple[str, ...] = ()
    largest: int = 100
    is_largest_known: bool = False


@dataclass(frozen=True)
class ById:
    """A call that answers records by their ids, so that those still open can be followed.

    parameter: takes the ids, joined by commas; most: ids asked for at once (the vendor states no limit); key, end: the
    record's fields that hold its id and, once it is over, its end.
    """

    path: str
    parameter: str
    most: int
    key: str
    end: str


@dataclass(frozen=True)
class Query:
    """One call that lists records, as data; `templates` says how placeholders are replaced.

    path, params, body: the request, with placeholders; records: path of the list in the answer (may be missing or null
    when there is nothing); record_key: paths of what makes a record itself, besides every dimension in `group_by`;
    time: path of the record's value that places it in a span, always instant text; is_cell: records carry no time, so
    that `start` and `end` of the span are added to them and spans are whole cells;
    halves: at which boundaries a span may be halved: UTC days (the service indexes by day), minutes, the granularity,
    or none; permission: what the call needs, "" where nobody knows it;
    by_id: how its records are read again while they are open, None where they never are; narrowing: how reading part
    of the days a span touches keeps to the span, although the service answers for whole days: newest first, by the
    placeholder `${order}`, or not at all.
    """

    name: str
    shape: Shape
    path: str
    records: str
    record_key: tuple[str, ...]
    time: str
    halves: Literal["day", "minute", "granularity", "none"]
    paging: NumberedPaging | CursorPaging | None
    permission: str
    method: Literal["GET", "POST"] = "POST"
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    is_cell: bool = False
    by_id: ById | None = None
    narrowing: Literal["none", "newest first"] = "none"

    @property
    def is_snapshot(self) -> bool:
        """Whether it answers what is now and nothing else, so that no span can be asked for again."""
        return self.shape == "observations"

    def about(self, subject: str) -> "Query":
        """The query of one of `SUBJECTS`, or of another the service may know; `self`: the one named "aggregates"."""
        path = self.path.replace("{subject}", subject)
        return replace(self, path=path, permission=SUBJECTS.get(subject, ""))


@dataclass(frozen=True)
class InParts:
    """What a call takes only so many of in its filter; more are asked for in several calls, the pages of a pass.

    dimension: of the predicates; most: of them in one call; all_of: the look-up whose every id is asked for where the
    mapping has no filter, "" where the service needs none.
    """

    dimension: str
    most: int
    all_of: str = ""


_AGGREGATES_BODY = {
    "interval": "${start}/${end}",
    "granularity": "${granularity}",
    "timeZone": "${time_zone}",
    "groupBy": "${group_by}",
    "metrics": "${metrics}",
    "filter": "${filter}",
    "views": "${views}",
}

_AGGREGATES = Query(
    name="aggregates",
    shape="aggregates",
    path="/api/v2/analytics/{subject}/aggregates/query",
    body=_AGGREGATES_BODY,
    records="results",
    record_key=("start", "mediaType"),
    time="start",
    halves="granularity",
    paging=None,
    permission="",
)

CATALOGUE: Mapping[str, Query] = {
    query.name: query
    for query in (
        Query(
            name="conversations.details",
            shape="details",
            path="/api/v2/analytics/conversations/details/query",
            body={
                "interval": "${start}/${end}",
                # Ascending by start, where days are read whole: conversations that begin meanwhile come last and shift
                # nothing.
                "order": "${order}",
                "orderBy": "conversationStart",
                "conversationFilters": "${conversation_filters}",
                "segmentFilters": "${segment_filters}",
                "paging": {"pageSize": "${page_size}", "pageNumber": "${page}"},
            },
            records="conversations",
            record_key=("conversationId",),
            time="conversationStart",
            halves="day",
            paging=NumberedPaging(total=("totalHits",)),
            permission="analytics:conversationDetail:view",
            by_id=ById(
                path="/api/v2/analytics/conversations/details",
                parameter="id",
                most=50,
                key="conversationId",
                end="conversationEnd",
            ),
            narrowing="newest first",
        ),
        replace(
            _AGGREGATES,
            name="conversations.aggregates",
            path="/api/v2/analytics/conversations/aggregates/query",
            permission="analytics:conversationAggregate:view",
        ),
        _AGGREGATES,
        Query(
            name="users.aggregates",
            shape="users",
            path="/api/v2/analytics/users/aggregates/query",
            body=_AGGREGATES_BODY,
            records="results",
            record_key=("userId", "start", "metric", "qualifier"),
            time="start",
            halves="granularity",
            paging=None,
            permission="analytics:userAggregate:view",
        ),
        Query(
            name="queues.observations",
            shape="observations",
            path="/api/v2/analytics/queues/observations/query",
            body={"filter": "${filter}", "metrics": "${metrics}"},
            records="results",
            record_key=("queueId", "mediaType", "start"),
            time="start",
            halves="none",
            paging=None,
            permission="analytics:queueObservation:view",
        ),
        Query(
            name="conversations.summary",
            shape="summary",
            path="/api/v2/analytics/conversations/summary/queries",
            body={
                "dateFrom": "${start}",
                "dateTo": "${end}",
                "groupings": "${group_by}",
                "metrics": "${metrics}",
                "pageSize": "${page_size}",
                "pageNumber": "${page}",
            },
            records="entities",
            record_key=("start",),
            time="start",
            halves="none",
            paging=NumberedPaging(total=("total",), page_count=("pageCount", "header:X-Page-Count")),
            permission="analytics:conversationAggregate:view",
            is_cell=True,
        ),
    )
}

SUBJECTS: Mapping[str, str] = {
    **dict.fromkeys(
        """agentcopilots bots casemanagement copilots journeys knowledge ratelimits resolutions summaries
        taskmanagement""".split(),
        "",
    ),
    "actions": "analytics:actionAggregate:view",
    "conversations": "analytics:conversationAggregate:view",
    "evaluations": "analytics:evaluationAggregate:view",
    "flowexecutions": "analytics:flowExecutionAggregate:view",
    "flows": "analytics:flowAggregate:view",
    "surveys": "analytics:surveyAggregate:view",
    "transcripts": "analytics:speechAndTextAnalyticsAggregates:view",
}
"""What aggregates can be about, in the form of those of conversations, with the permission each needs where known."""

TIMER = ("max", "min", "count", "sum")
"""Statistics of a metric that measures time."""
MOST_VIEWS = 10
"""So many views a query of aggregates takes (vendor's documentation of aggregate views)."""
_COUNTERS = """nOffered nConnected nTransferred nBlindTransferred nConsult nConsultTransferred nOutbound
nOutboundAttempted nOutboundConnected nOutboundAbandoned nOverSla nError nConversations nCallbackAttempts
nStateTransitionError nAlertExpired nAgentDeclined nTakeover nBotInteractions nCobrowseSessions"""
_TIMERS = """tHandle tTalk tTalkComplete tHeld tHeldComplete tAcw tAnswered tAbandon tShortAbandon tWait tAcd tAlert
tNotResponding tIvr tFlowOut tContacting tDialing tVoicemail tUserResponseTime tAgentResponseTime tFirstResponse
tFirstEngagement tMonitoring tPark tConnected tActiveCallback tBarging tCoaching"""
_OBSERVED = "oMessageCount oMessageTurn oMediaCount oMessageSegmentCount oAudioMessageCount"

METRICS: Mapping[str, tuple[str, ...]] = {
    **{name: ("count",) for name in _COUNTERS.split()},
    **{name: TIMER for name in _TIMERS.split()},
    **{name: ("ratio", "numerator", "denominator", "target") for name in ("oServiceLevel", "oCallbackServiceLevel")},
    "oServiceTarget": ("target",),
    **{name: ("count", "sum", "min", "max") for name in _OBSERVED.split()},
}
"""Metrics of conversations.aggregates with the statistics each carries; timers are milliseconds."""

RARE_STATISTICS: frozenset[str] = frozenset(
    ("countNegative", "countPositive", "current", "p95", "p99", "calculatedMetricValue")
)
"""What any metric may carry besides (vendor's SDK, model statistical_summary)."""

DIMENSIONS: frozenset[str] = frozenset(
    """queueId userId mediaType divisionId wrapUpCode direction originatingDirection conversationId purpose teamId
    messageType outboundCampaignId outboundContactListId outboundContactId externalContactId externalOrganizationId ani
    dnis sessionDnis disconnectType flowId flowOutType requestedRouting usedRouting requestedRoutingSkillId
    requestedLanguageId provider errorCode addressFrom addressTo agentScore scoredAgentId convertedFrom convertedTo
    edgeId stationId groupId roomId peerId sessionId participantName remote flaggedReason interactionType
    routingPriority journeyActionId journeyActionMapId journeyActionMapVersion journeyCustomerId journeyCustomerIdType
    journeyCustomerSessionId journeyCustomerSessionIdType""".split()
)
"""Dimensions known for `group_by` of aggregates. The service knows more; unknown ones are its to judge.
Source: the vendor's SDK, model conversation_aggregate_query_predicate."""

USER_METRICS: frozenset[str] = frozenset(("tSystemPresence", "tOrganizationPresence", "tAgentRoutingStatus"))
USER_DIMENSIONS: frozenset[str] = frozenset(("userId",))
MOST_USERS = 100
"""All that users.aggregates takes; of users at most so many in one filter (vendor's user status aggregate query)."""

IN_PARTS: Mapping[str, InParts] = {
    "users.aggregates": InParts("userId", MOST_USERS),
    # The vendor states no limit here; this one keeps requests and answers small.
    "queues.observations": InParts("queueId", 100, all_of="queues"),
}
"""Queries of the catalogue whose long filters are asked in several calls."""

QUALIFIED: frozenset[str] = frozenset(("oOnQueueUsers", "oOffQueueUsers", "oUserRoutingStatuses", "oUserPresences"))
"""Metrics of queues.observations that the service may give status by status, each with its `qualifier`."""
OBSERVATIONS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        *("oInteracting", "oWaiting", "oAlerting", "oLongestWaiting", "oLongestInteracting"),
        *("oActiveUsers", "oMemberUsers", *sorted(QUALIFIED)),
    ),
    ("count",),
)
"""Metrics of queues.observations with the statistics each carries (vendor reference, queue observations)."""

SUMMARY_GROUPINGS: frozenset[str] = frozenset(
    ("conversation:medium", "conversation:queue", "conversation:agent", "conversation:direction")
)
SUMMARY_METRICS: frozenset[str] = frozenset(("conversation:duration", "conversation:count"))

FACTS: Mapping[str, str] = {
    "talk_ms": "milliseconds agents talked, over all of them",
    "hold_ms": "milliseconds agents kept the customer on hold",
    "acw_ms": "milliseconds of after-call work",
    "handle_ms": "milliseconds of handling: dialing, contacting, talk, hold and after-call work",
    "wait_ms": "milliseconds waited in queues, until answered, abandoned or passed on by the flow",
    "duration_ms": "milliseconds from start to end; missing while the conversation is open",
    "first_queue_id": "queue that was offered the conversation first",
    "last_queue_id": "queue that was offered the conversation last",
    "first_agent_id": "user who was the first to join the conversation as an agent",
    "last_agent_id": "user who was the last to join the conversation as an agent",
    "wrap_up_codes": "list of wrap-up codes, in order of time, each once",
    "media_types": "list of media types, in order of appearance, each once",
    "direction": "originating direction",
    "is_open": "true while the conversation has no end",
}
"""Facts that flattening adds to a conversation, beside the tree as Genesys sends it; `_ms` are whole milliseconds."""
