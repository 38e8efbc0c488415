# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Every route of a node."""

from wuxin_client.sync.routes.anchors import AnchorsRoutes
from wuxin_client.sync.routes.anchors_commands import AnchorsCommands
from wuxin_client.sync.routes.assets import AssetsRoutes
from wuxin_client.sync.routes.assets_commands import AssetsCommands
from wuxin_client.sync.routes.attestations import AttestationsRoutes
from wuxin_client.sync.routes.attestations_commands import AttestationsCommands
from wuxin_client.sync.routes.collateral import CollateralRoutes
from wuxin_client.sync.routes.committee import CommitteeRoutes
from wuxin_client.sync.routes.deposits import DepositsRoutes
from wuxin_client.sync.routes.deposits_commands import DepositsCommands
from wuxin_client.sync.routes.devices import DevicesRoutes
from wuxin_client.sync.routes.devices_commands import DevicesCommands
from wuxin_client.sync.routes.duties import DutiesRoutes
from wuxin_client.sync.routes.events import EventsRoutes
from wuxin_client.sync.routes.events_commands import EventsCommands
from wuxin_client.sync.routes.evidence import EvidenceRoutes
from wuxin_client.sync.routes.facilities import FacilitiesRoutes
from wuxin_client.sync.routes.facilities_commands import FacilitiesCommands
from wuxin_client.sync.routes.oracle import OracleRoutes
from wuxin_client.sync.routes.organisations import OrganisationsRoutes
from wuxin_client.sync.routes.pledges import PledgesRoutes
from wuxin_client.sync.routes.pledges_commands import PledgesCommands
from wuxin_client.sync.routes.receipts import ReceiptsRoutes
from wuxin_client.sync.routes.receipts_commands import ReceiptsCommands
from wuxin_client.sync.routes.slots import SlotsRoutes
from wuxin_client.sync.routes.slots_commands import SlotsCommands
from wuxin_client.sync.routes.status import StatusRoutes
from wuxin_client.sync.routes.transactions import TransactionsRoutes
from wuxin_client.sync.routes.transactions_commands import TransactionsCommands


class EveryRoute(
    AnchorsRoutes,
    AnchorsCommands,
    AssetsRoutes,
    AssetsCommands,
    AttestationsRoutes,
    AttestationsCommands,
    CollateralRoutes,
    CommitteeRoutes,
    DepositsRoutes,
    DepositsCommands,
    DevicesRoutes,
    DevicesCommands,
    DutiesRoutes,
    EventsRoutes,
    EventsCommands,
    EvidenceRoutes,
    FacilitiesRoutes,
    FacilitiesCommands,
    OracleRoutes,
    OrganisationsRoutes,
    PledgesRoutes,
    PledgesCommands,
    ReceiptsRoutes,
    ReceiptsCommands,
    SlotsRoutes,
    SlotsCommands,
    StatusRoutes,
    TransactionsRoutes,
    TransactionsCommands,
):
    """Every route of a node; `Client` is this over one sender."""
