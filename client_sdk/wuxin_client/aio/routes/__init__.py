# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Every route of a node."""

from wuxin_client.aio.routes.anchors import AsyncAnchorsRoutes
from wuxin_client.aio.routes.anchors_commands import AsyncAnchorsCommands
from wuxin_client.aio.routes.assets import AsyncAssetsRoutes
from wuxin_client.aio.routes.assets_commands import AsyncAssetsCommands
from wuxin_client.aio.routes.attestations import AsyncAttestationsRoutes
from wuxin_client.aio.routes.attestations_commands import AsyncAttestationsCommands
from wuxin_client.aio.routes.collateral import AsyncCollateralRoutes
from wuxin_client.aio.routes.committee import AsyncCommitteeRoutes
from wuxin_client.aio.routes.deposits import AsyncDepositsRoutes
from wuxin_client.aio.routes.deposits_commands import AsyncDepositsCommands
from wuxin_client.aio.routes.devices import AsyncDevicesRoutes
from wuxin_client.aio.routes.devices_commands import AsyncDevicesCommands
from wuxin_client.aio.routes.duties import AsyncDutiesRoutes
from wuxin_client.aio.routes.events import AsyncEventsRoutes
from wuxin_client.aio.routes.events_commands import AsyncEventsCommands
from wuxin_client.aio.routes.evidence import AsyncEvidenceRoutes
from wuxin_client.aio.routes.facilities import AsyncFacilitiesRoutes
from wuxin_client.aio.routes.facilities_commands import AsyncFacilitiesCommands
from wuxin_client.aio.routes.oracle import AsyncOracleRoutes
from wuxin_client.aio.routes.organisations import AsyncOrganisationsRoutes
from wuxin_client.aio.routes.pledges import AsyncPledgesRoutes
from wuxin_client.aio.routes.pledges_commands import AsyncPledgesCommands
from wuxin_client.aio.routes.receipts import AsyncReceiptsRoutes
from wuxin_client.aio.routes.receipts_commands import AsyncReceiptsCommands
from wuxin_client.aio.routes.slots import AsyncSlotsRoutes
from wuxin_client.aio.routes.slots_commands import AsyncSlotsCommands
from wuxin_client.aio.routes.status import AsyncStatusRoutes
from wuxin_client.aio.routes.transactions import AsyncTransactionsRoutes
from wuxin_client.aio.routes.transactions_commands import AsyncTransactionsCommands


class AsyncEveryRoute(
    AsyncAnchorsRoutes,
    AsyncAnchorsCommands,
    AsyncAssetsRoutes,
    AsyncAssetsCommands,
    AsyncAttestationsRoutes,
    AsyncAttestationsCommands,
    AsyncCollateralRoutes,
    AsyncCommitteeRoutes,
    AsyncDepositsRoutes,
    AsyncDepositsCommands,
    AsyncDevicesRoutes,
    AsyncDevicesCommands,
    AsyncDutiesRoutes,
    AsyncEventsRoutes,
    AsyncEventsCommands,
    AsyncEvidenceRoutes,
    AsyncFacilitiesRoutes,
    AsyncFacilitiesCommands,
    AsyncOracleRoutes,
    AsyncOrganisationsRoutes,
    AsyncPledgesRoutes,
    AsyncPledgesCommands,
    AsyncReceiptsRoutes,
    AsyncReceiptsCommands,
    AsyncSlotsRoutes,
    AsyncSlotsCommands,
    AsyncStatusRoutes,
    AsyncTransactionsRoutes,
    AsyncTransactionsCommands,
):
    """Every route of a node; `AsyncClient` is this over one sender."""
