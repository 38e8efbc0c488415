# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Every route of a node."""

from wuxin_client.sync.routes.anchors import AnchorsRoutes
from wuxin_client.sync.routes.assets import AssetsRoutes
from wuxin_client.sync.routes.attestations import AttestationsRoutes
from wuxin_client.sync.routes.collateral import CollateralRoutes
from wuxin_client.sync.routes.deposits import DepositsRoutes
from wuxin_client.sync.routes.devices import DevicesRoutes
from wuxin_client.sync.routes.events import EventsRoutes
from wuxin_client.sync.routes.evidence import EvidenceRoutes
from wuxin_client.sync.routes.facilities import FacilitiesRoutes
from wuxin_client.sync.routes.network import NetworkRoutes
from wuxin_client.sync.routes.pledges import PledgesRoutes
from wuxin_client.sync.routes.receipts import ReceiptsRoutes
from wuxin_client.sync.routes.slots import SlotsRoutes
from wuxin_client.sync.routes.transactions import TransactionsRoutes


class EveryRoute(
    AnchorsRoutes,
    AssetsRoutes,
    AttestationsRoutes,
    CollateralRoutes,
    DepositsRoutes,
    DevicesRoutes,
    EventsRoutes,
    EvidenceRoutes,
    FacilitiesRoutes,
    NetworkRoutes,
    PledgesRoutes,
    ReceiptsRoutes,
    SlotsRoutes,
    TransactionsRoutes,
):
    """Every route of a node; `Client` is this over one sender."""
