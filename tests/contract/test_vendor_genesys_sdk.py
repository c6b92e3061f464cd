"""The vendor's own client understands the simulated service: it logs in, asks, pages and reads its models.

Needs the extra `vendor-sdk`; the client reaches the simulator through the sandbox's CONNECT proxy.
"""

from datetime import UTC, datetime, timedelta

import pytest

from connector.sandbox.clock import SimulatedClock
from connector.sandbox.contact_centre import ContactCentre
from connector.sandbox.genesys import GenesysSim
from connector.sandbox.proxy import SandboxProxy

sdk = pytest.importorskip("PureCloudPlatformClientV2", reason="the vendor's SDK is not installed")

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z"


@pytest.fixture(scope="module")
def sim():
    centre = ContactCentre(seed=7, start=MONDAY, days=1, conversations=120)
    return GenesysSim(centre.world(), SimulatedClock(MONDAY + timedelta(days=60)))


@pytest.fixture(scope="module")
def vendor(sim, tmp_path_factory):
    """The SDK's api client, logged in; its settings are global, so they are put back."""
    folder = tmp_path_factory.mktemp("ca")
    settings = sdk.configuration
    before = (settings.host, settings.proxy, settings.ssl_ca_cert, settings.ssl_context)
    with SandboxProxy({host: sim for host in sim.hosts}.get, folder) as proxy:
        settings.host = sdk.PureCloudRegionHosts.eu_west_1.get_api_host()
        settings.proxy, settings.ssl_ca_cert = proxy.url, str(proxy.ca_file)
        settings.ssl_context = None
        settings.create_mtls_or_ssl_context()
        yield sdk.api_client.ApiClient().get_client_credentials_token("demo-client", "demo-secret")
    settings.host, settings.proxy, settings.ssl_ca_cert, settings.ssl_context = before


@pytest.fixture
def analytics(vendor):
    return sdk.AnalyticsApi(vendor)


def test_details_pages_are_read_as_the_vendors_models(analytics, sim):
    found = []
    for number in range(1, 10):
        body = sdk.ConversationQuery()
        body.interval, body.order, body.order_by = DAY, "asc", "conversationStart"
        body.paging = sdk.PagingSpec()
        body.paging.page_size, body.paging.page_number = 50, number
        page = analytics.post_analytics_conversations_details_query(body)
        assert page.total_hits == 120
        if not page.conversations:
            break
        found += page.conversations
    truth = sim.world.conversations_at(sim.clock.now(), MONDAY, MONDAY + timedelta(days=1))
    assert [one.conversation_id for one in found] == [one["conversationId"] for one in truth]
    assert [
        (metric.name, metric.value)
        for one in found
        for participant in one.participants
        for session in participant.sessions
        for metric in session.metrics
    ] == [
        (metric["name"], metric["value"])
        for one in truth
        for participant in one["participants"]
        for session in participant["sessions"]
        for metric in session["metrics"]
    ]


def test_aggregates_are_read_as_the_vendors_models(analytics):
    body = sdk.ConversationAggregationQuery()
    body.interval, body.granularity, body.time_zone = DAY, "PT1H", "UTC"
    body.group_by, body.metrics = ["queueId"], ["nOffered", "tHandle", "oServiceLevel"]
    answer = analytics.post_analytics_conversations_aggregates_query(body)
    groups = [result.group for result in answer.results]
    assert all(set(group) <= {"mediaType", "queueId"} for group in groups)
    stats = [
        (metric.metric, metric.stats) for result in answer.results for data in result.data for metric in data.metrics
    ]
    assert {name for name, _ in stats} == {"nOffered", "tHandle", "oServiceLevel"}
    assert all(one.sum >= one.max >= one.min for name, one in stats if name == "tHandle")
    assert all(one.target == 0.8 for name, one in stats if name == "oServiceLevel")


def test_single_conversation_and_many_by_id_are_the_same(analytics, sim):
    first, second = sim.world.ids()[:2]
    one = analytics.get_analytics_conversation_details(first)
    many = analytics.get_analytics_conversations_details(id=[first, second])
    assert [found.conversation_id for found in many.conversations] == [first, second]
    assert one.to_dict() == many.conversations[0].to_dict()


def test_look_ups_are_read_as_the_vendors_models(vendor, sim):
    queues = sdk.RoutingApi(vendor).get_routing_queues(page_size=5, page_number=2)
    assert (queues.total, queues.page_count, len(queues.entities)) == (12, 3, 5)
    users = sdk.UsersApi(vendor).get_users(page_size=100, state="any")
    assert {user.id for user in users.entities} == {user["id"] for user in sim.world.directory.users}
    codes = sdk.RoutingApi(vendor).get_routing_wrapupcodes(page_size=100)
    assert {code.name for code in codes.entities} == {code["name"] for code in sim.world.directory.wrap_up_codes}
    assert sdk.OrganizationApi(vendor).get_organizations_me().id == sim.world.directory.organization["id"]


def test_refusals_are_the_vendors_exceptions(analytics, sim):
    body = sdk.ConversationQuery()
    body.interval = "P7D"
    with pytest.raises(sdk.rest.ApiException) as refused:
        analytics.post_analytics_conversations_details_query(body)
    assert refused.value.status == 400
    body.interval = DAY
    sim.withdraw("analytics:conversationDetail:view")
    try:
        with pytest.raises(sdk.rest.ApiException) as forbidden:
            analytics.post_analytics_conversations_details_query(body)
    finally:
        sim.grant("analytics:conversationDetail:view")
    assert forbidden.value.status == 403
